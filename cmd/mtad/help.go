package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// lesson is what --help of a command says beside its purpose and its flags.
type lesson struct {
	examples []string // without "mtad"
	status   string   // the exit status, where it is not that of all
}

// usual is the exit status of most commands.
const usual = "0 it is done; 1 it is not, and standard error says why"

// wrongUsage is added to every exit status: kong ends with it.
const wrongUsage = "80 the command line is wrong"

// lessons are those of every command, by its words.
func lessons() map[string]lesson {
	return map[string]lesson{
		"serve":              {[]string{"serve --conf /etc/mtad/mtad.conf"}, "0 it was told to stop and everything under way was finished; 1 it could not start"},
		"check":              {[]string{"check --conf mtad.conf", "check --conf mtad.conf --init --prints"}, "0 the configuration is valid; 1 it is not: every error has its file, line and column"},
		"console":            {[]string{"console ./run/control help", "console ./run/control mailq --domain example.com", "console admin@127.0.0.1:2025 summary"}, "0 every command worked; 1 one did not, or nobody answered"},
		"eccfg bootstrap":    {[]string{"eccfg bootstrap --singlenode", "eccfg bootstrap --clustername mail ssh://git@example.com/conf.git"}, usual},
		"eccfg pull":         {[]string{"eccfg pull --username alice", "eccfg pull --theirs"}, usual},
		"eccfg commit":       {[]string{"eccfg commit --add-all --message 'Refuse mail to nobody'"}, "0 it is in the repository, or there was nothing to commit; 1 it is not: the check found errors, or the repository has something newer"},
		"eccfg status":       {[]string{"eccfg status", "eccfg status --nodes"}, usual},
		"eccfg revert":       {[]string{"eccfg revert default/mtad.conf"}, usual},
		"eccfg resolve":      {[]string{"eccfg resolve default/mtad.conf"}, usual},
		"eccfg delete":       {[]string{"eccfg delete default/old.lua"}, usual},
		"eccfg put":          {[]string{"eccfg put ./new.lua default/new.lua"}, usual},
		"eccfg rollback":     {[]string{"eccfg rollback 12 --message 'Back to before the sale'"}, usual},
		"eccfg log":          {[]string{"eccfg log"}, usual},
		"layout":             {[]string{"layout", "layout --prefix /srv/root"}, usual},
		"luac":               {[]string{"luac -p myscripts/*.lua"}, "0 the scripts are Lua; 1 one is not: its file, line and column are shown"},
		"api":                {[]string{"api", "api --json"}, usual},
		"luals":              {[]string{"luals ./run"}, usual},
		"lib ls":             {[]string{"lib ls"}, usual},
		"lib cat":            {[]string{"lib cat msys.boot"}, usual},
		"spool ls":           {[]string{"spool --dir ./run/spool ls"}, usual},
		"spool cat":          {[]string{"spool --dir ./run/spool cat 20/00-01974-EBDC39A4"}, usual},
		"spool check":        {[]string{"spool --dir ./run/spool check"}, "0 nothing is damaged; 1 something is, or the spool cannot be read"},
		"spool export":       {[]string{"spool --dir ./run/spool export ./saved"}, usual},
		"spool import":       {[]string{"spool --dir ./run/spool import ./saved"}, usual},
		"convert":            {[]string{"convert /opt/msys/ecelerity/etc/conf/default/ecelerity.conf -o ./new"}, ""},
		"migrate":            {[]string{"migrate /opt/msys/ecelerity -o ./new"}, ""},
		"credmgr create_db":  {[]string{"credmgr create_db"}, usual},
		"credmgr create_key": {[]string{"credmgr create_key"}, usual},
		"credmgr set_cred":   {[]string{"credmgr set_cred --facility pgsql --hostname db.example.com --username mtad"}, usual},
		"credmgr get_cred":   {[]string{"credmgr get_cred", "credmgr get_cred --facility pgsql --hostname db.example.com --username mtad -P"}, usual},
		"credmgr del_cred":   {[]string{"credmgr del_cred --facility pgsql --hostname db.example.com --username mtad"}, usual},
		"jlog ls":            {[]string{"jlog ls /var/log/mtad/mainlog.jlog"}, usual},
		"jlog read":          {[]string{"jlog read /var/log/mtad/mainlog.jlog billing --follow"}, usual},
		"jlog subscribe":     {[]string{"jlog subscribe /var/log/mtad/mainlog.jlog billing"}, usual},
		"jlog unsubscribe":   {[]string{"jlog unsubscribe /var/log/mtad/mainlog.jlog billing"}, usual},
		"version":            {[]string{"version"}, usual},
	}
}

// teach gives every command its examples and its exit status.
func teach(top *kong.Node) {
	for words, l := range lessons() {
		node := top
		for _, w := range strings.Fields(words) {
			node = find(node, w)
		}
		node.Detail = l.text(node.Detail)
	}
}

// text is the lesson behind what the command says itself.
func (l *lesson) text(before string) string {
	var b strings.Builder
	if before != "" {
		b.WriteString(before + "\n\n")
	}
	b.WriteString("Example:\n\n")
	for _, e := range l.examples {
		b.WriteString("    mtad " + e + "\n")
	}
	if l.status != "" {
		b.WriteString("\nExit status: " + l.status + "; " + wrongUsage + ".")
	}
	return b.String()
}
