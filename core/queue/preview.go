package queue

import "context"

// Preview lists the first most of the selected messages, and says how many there
// are, and how many more a connection has at this moment. Nothing is changed. An
// error is that of ctx.
func (q *Queue) Preview(ctx context.Context, s *Selection, most int) (items []Item, total, busy int, err error) {
	found, busy, err := q.selected(ctx, s)
	for _, e := range found[:min(most, len(found))] {
		if m, failed := q.read(e.id); failed == nil {
			items = append(items, Item{Message: m, Lane: e.lane.key})
		}
	}
	return items, len(found), busy, err
}
