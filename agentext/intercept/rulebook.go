// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"mashproxy/agentext/config"
	"mashproxy/agentext/localrules"
)

// rulebook holds the local rules in force. It is replaced as a whole, so that no
// request is judged by new rules of its listener and old ones of its block.
type rulebook struct {
	listeners []*localrules.Rules          // by the listener's number; nil: none has any
	mounts    map[*Mount]*localrules.Rules // of those that have some
}

// Narrow puts local rules in the place of those in force. They are for the
// listeners and mounts of this handler, in their orders. Requests that have been
// judged are not judged again.
func (h *Handler) Narrow(rules config.LocalRules) {
	book := &rulebook{rules.Listeners, map[*Mount]*localrules.Rules{}}
	for i, own := range rules.Mashery {
		if own != nil {
			book.mounts[h.Mounts[i]] = own
		}
	}
	h.rulebook.Store(book)
}

// page is what one request is judged by.
type page struct {
	*rulebook
	listener *localrules.Rules // of the listener it came in by
}

// pageOf opens the rulebook for a request that comes in by a listener.
func (h *Handler) pageOf(l *Listener) page {
	p := page{rulebook: h.rulebook.Load()}
	if p.listeners != nil {
		p.listener = p.listeners[l.Number]
	}
	return p
}

// of are the rules that a call to a mount must keep, also those of the mounts that
// it may be a call to; nil: none.
func (p page) of(mount *Mount, twins []twin) []*localrules.Rules {
	if !p.narrows() {
		return nil
	}
	all := []*localrules.Rules{p.listener, p.mounts[mount]}
	for _, t := range twins {
		if t.mount != mount {
			all = append(all, p.mounts[t.mount])
		}
	}
	return all
}

// narrows tells whether there are any rules for the request.
func (p page) narrows() bool { return p.listener != nil || len(p.mounts) > 0 }
