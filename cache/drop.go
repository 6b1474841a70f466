// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"errors"
	"strings"
)

// DropAll drops every grant, and forgets what went wrong: the next calls read
// new ones.
func (g *Grants[G]) DropAll() { g.dropWhere(func(*entry[G]) bool { return true }) }

// DropLease drops the grant of one lease.
func (g *Grants[G]) DropLease(id string) {
	g.dropWhere(func(e *entry[G]) bool { return e.grant != nil && id != "" && e.grant.leaseID == id })
}

// DropPath drops the grants read at paths that begin with path, such as
// "/v1/mash-creds/roles/billing/grant", in a namespace; "" and "root" are root,
// from which paths may begin with the namespace, too.
func (g *Grants[G]) DropPath(namespace, path string) {
	namespace = strings.Trim(namespace, "/")
	if namespace == "root" {
		namespace = ""
	}
	g.dropWhere(func(e *entry[G]) bool {
		at := e.key.Namespace
		return at == namespace && strings.HasPrefix("/v1/"+e.key.path(), path) ||
			namespace == "" && at != "" && strings.HasPrefix("/v1/"+at+"/"+e.key.path(), path)
	})
}

// errCleared is why a read is given up whose grant may be of before.
var errCleared = errors.New("the grants were cleared meanwhile")

// dropWhere drops grants. What is being read in their place is read once more.
func (g *Grants[G]) dropWhere(which func(*entry[G]) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.entries {
		if which(e) {
			g.drop(e, DropByHand)
			e.failure, e.refusals = failure{}, refusals{}
			if f := e.fetch; f != nil && f.job.flying {
				f.cancel(errCleared)
			}
		}
	}
}
