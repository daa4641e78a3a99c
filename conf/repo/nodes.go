package repo

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Standing is how a node stands to the repository.
type Standing string

// What eccfg status --nodes shows.
const (
	Current     Standing = "current"       // it has the newest revision
	Waiting     Standing = "waiting"       // its turn has not come (rollout)
	Held        Standing = "held"          // another node went back from the newest
	Local       Standing = "local changes" // autoupdate=ifunchanged
	Conflicting Standing = "conflict"      // local changes overlap
	Refused     Standing = "refused"       // it cannot apply the newest
	WentBack    Standing = "went back"     // it applied the newest, and mail suffered
	Unreachable Standing = "unreachable"   // it cannot ask the repository
)

// NodeState is what a node says of itself.
type NodeState struct {
	Node     string    `json:"node"`
	Revision int       `json:"revision"` // what its files are
	Newest   string    `json:"newest"`   // the commit that the standing is about
	Standing Standing  `json:"standing"`
	Text     string    `json:"text,omitempty"` // why
	Since    time.Time `json:"since"`
	Seen     time.Time `json:"seen"` // its last word
}

// nodeRefs is where the nodes' states are in the repository: beside the branches,
// so that nobody's history grows by them.
const nodeRefs = "refs/mtad/nodes/"

// Publish puts a node's state into the repository.
func (c *Copy) Publish(ctx context.Context, s NodeState) error {
	if err := CheckNode(s.Node); err != nil {
		return err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return c.locked(ctx, func() error {
		blob, err := c.git.run(ctx, c.Root, call{args: []string{"hash-object", "-w", "--stdin"}, in: string(text)})
		if err != nil {
			return err
		}
		_, err = c.remote(ctx, c.Root, "push", "--quiet", "--no-verify", "--force", "origin", strings.TrimSpace(blob)+":"+nodeRefs+s.Node)
		return err
	})
}

// Nodes reads the states of all nodes, by name. What is no state is left out:
// anybody who may write to the repository can put things there.
func (c *Copy) Nodes(ctx context.Context) (list []NodeState, err error) {
	err = c.locked(ctx, func() error {
		_, err := c.remote(ctx, c.Root, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--prune", "origin", "+"+nodeRefs+"*:"+nodeRefs+"*")
		if err != nil {
			return err
		}
		refs, err := c.in(ctx, c.Root, "for-each-ref", "--format=%(objecttype) %(refname)", nodeRefs)
		if err != nil {
			return err
		}
		for _, line := range strings.Split(strings.TrimSpace(refs), "\n") {
			ref, ok := strings.CutPrefix(line, "blob ")
			if !ok {
				continue
			}
			text, err := c.in(ctx, c.Root, "cat-file", "blob", ref)
			if err != nil {
				return err
			}
			var s NodeState
			if json.Unmarshal([]byte(text), &s) == nil && s.Node == strings.TrimPrefix(ref, nodeRefs) {
				list = append(list, s)
			}
		}
		return nil
	})
	slices.SortFunc(list, func(a, b NodeState) int { return strings.Compare(a.Node, b.Node) })
	return list, err
}
