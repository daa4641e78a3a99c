package auth

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// maxFile is the largest file of users, in bytes.
const maxFile = 64 << 20

// userFile is a file of users as it was read last.
type userFile struct {
	stamp stamp
	users map[string][]secret // several where digest:// has several realms
}

// stamp says whether a file has changed.
type stamp struct {
	size int64
	time time.Time
}

// files keeps the files that were read. There are as many as the configuration
// names.
type files struct {
	mu   sync.Mutex
	read map[string]*userFile
}

// users gives the users of a file, read anew where it has changed.
func (f *files) users(t *Target) (map[string][]secret, error) {
	info, err := os.Stat(t.Path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", t.Path, maxFile>>20)
	}
	now := stamp{info.Size(), info.ModTime()}
	f.mu.Lock()
	defer f.mu.Unlock()
	if have := f.read[t.URI]; have != nil && have.stamp == now {
		return have.users, nil
	}
	text, err := os.ReadFile(t.Path)
	if err != nil {
		return nil, err
	}
	if f.read == nil {
		f.read = make(map[string]*userFile)
	}
	parse := parsePasswords
	if t.Scheme == schemeDigest {
		parse = parseDigests
	}
	f.read[t.URI] = &userFile{stamp: now, users: parse(string(text))}
	return f.read[t.URI].users, nil
}

// eachLine calls do for each line that is neither empty nor a comment (manual,
// inbound SMTP: lines that start with # are ignored).
func eachLine(text string, do func(line string)) {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line != "" && line[0] != '#' {
			do(line)
		}
	}
}

// parsePasswords reads a file:// file: "user:password", where the password
// stands in the clear or as a hash that says what it is. The first line of a
// user counts.
func parsePasswords(text string) map[string][]secret {
	users := make(map[string][]secret)
	eachLine(text, func(line string) {
		user, stored, ok := strings.Cut(line, ":")
		if ok && user != "" && stored != "" && users[user] == nil {
			users[user] = []secret{{form: guess(stored), text: stored, user: user}}
		}
	})
	return users
}

// parseDigests reads a digest:// file, as htdigest writes it:
// "user:realm:hash".
func parseDigests(text string) map[string][]secret {
	users := make(map[string][]secret)
	eachLine(text, func(line string) {
		user, rest, _ := strings.Cut(line, ":")
		cut := strings.LastIndexByte(rest, ':')
		if user == "" || cut < 0 {
			return
		}
		users[user] = append(users[user], secret{form: formDigest, text: rest[cut+1:], user: user, realm: rest[:cut]})
	})
	return users
}

// lookUp finds a user's secret in a file. found is false for an unknown user;
// then the secret is another's of the same file, so that refusing takes as
// long, and its match counts for nothing.
func (f *files) lookUp(t *Target, user string) (s secret, found bool, err error) {
	users, err := f.users(t)
	if err != nil {
		return secret{}, false, err
	}
	for _, s := range users[user] {
		if t.realm() == "" || s.realm == t.realm() || t.Scheme != schemeDigest {
			return s, true, nil
		}
	}
	for _, list := range users {
		return list[0], false, nil
	}
	return secret{}, false, nil
}
