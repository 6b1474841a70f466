// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"container/list"
	"errors"
	"slices"
	"time"
)

// errTurnedAway says that a caller had to make room for one of a shorter line.
var errTurnedAway = errors.New("the queue is full")

// queue is who waits for a slot: a head, who is next; those whose call Mashery
// did not run, who have been the head before; and one line for each listener.
// Lines take turns: who has many callers does not keep others waiting. The zero
// value is an empty queue.
type queue struct {
	head    *caller
	again   line
	lines   []*line // none of them empty; the first is to send the next head
	waiting int     // callers, the head among them
}

// line is the callers of one listener, first come, first served.
type line struct {
	name    string
	callers list.List // of *caller
}

// caller is one who waits.
type caller struct {
	// turn tells it, once, that it is the head (nil), or must leave.
	turn  chan error
	until time.Time // it waits no longer
	line  *line
	place *list.Element // nil: it does not stand in its line (any more)
}

// find returns the line of that name and its place in the order of turns; nil,
// and the place it would get, when nobody stands there.
func (q *queue) find(name string) (int, *line) {
	for i, l := range q.lines {
		if l.name == name {
			return i, l
		}
	}
	return len(q.lines), nil
}

// ahead is how many would be served before one who came now.
func (q *queue) ahead(name string, again bool) int {
	n := q.again.callers.Len()
	if q.head != nil {
		n++
	}
	if again {
		return n
	}
	at, own := q.find(name)
	turns := 0 // that the own line needs before
	if own != nil {
		turns = own.callers.Len()
	}
	for i, l := range q.lines {
		served := turns
		if i < at {
			served++
		}
		n += min(served, l.callers.Len())
	}
	return n
}

// join lets one more wait: at the end of its line, or before all lines.
func (q *queue) join(name string, again bool) *caller {
	l := &q.again
	if !again {
		if _, l = q.find(name); l == nil {
			l = &line{name: name}
			q.lines = append(q.lines, l)
		}
	}
	c := &caller{turn: make(chan error, 1), line: l}
	c.place = l.callers.PushBack(c)
	q.waiting++
	q.elect()
	return c
}

// leave takes away one who was served, or will not be.
func (q *queue) leave(c *caller) {
	switch {
	case c == q.head:
		q.head = nil
		q.waiting--
		q.elect()
	case c.place != nil:
		q.take(c)
		q.waiting--
	}
}

// elect makes the next one the head, if there is none.
func (q *queue) elect() {
	if q.head != nil {
		return
	}
	l := &q.again
	if l.callers.Len() == 0 {
		if len(q.lines) == 0 {
			return
		}
		l = q.lines[0]
		q.lines = append(q.lines[1:], l) // the last to have a turn again
	}
	q.head = l.callers.Front().Value.(*caller)
	q.take(q.head)
	q.head.turn <- nil
}

// take takes a caller out of its line; an empty line has no turn.
func (q *queue) take(c *caller) {
	c.line.callers.Remove(c.place)
	c.place = nil
	if c.line.callers.Len() == 0 {
		q.lines = slices.DeleteFunc(q.lines, func(l *line) bool { return l == c.line })
	}
}

// makeRoom tells whether a full queue has room for one more in the line of that
// name: because the last one of the longest line, if that is the longer one even
// then, is turned away; or because nobody of that line waits, and no listener is shut
// out by others.
func (q *queue) makeRoom(name string) bool {
	own := 0
	if _, l := q.find(name); l != nil {
		own = l.callers.Len()
	}
	if longest := q.longest(); longest != nil && longest.callers.Len() > own+1 {
		last := longest.callers.Back().Value.(*caller)
		q.leave(last)
		last.turn <- errTurnedAway
		return true
	}
	return own == 0 && q.head.line.name != name
}

// longest is the longest line, the first of these; nil: nobody stands in any.
func (q *queue) longest() (longest *line) {
	for _, l := range q.lines {
		if longest == nil || l.callers.Len() > longest.callers.Len() {
			longest = l
		}
	}
	return longest
}
