// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/localrules"
	"mashproxy/mashery"
)

const (
	verbPrefix = "proxy/v3-method/"
	v3Prefix   = "proxy/v3/"
	v2Path     = "proxy/v2"
	verbSuffix = ";target-method-"
)

// isRoleName tells what the engine takes for a role's name:
// `\w(([\w-.]+)?\w)?` [vault/sdk framework.GenericNameRegex].
func isRoleName(name string) bool {
	for i := range len(name) {
		inside := i > 0 && i < len(name)-1
		if c := name[i]; !isWord(c) && !(inside && (c == '-' || c == '.')) {
			return false
		}
	}
	return name != ""
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// route is a recognised local call.
type route struct {
	listener *Listener
	mount    *Mount
	// rules are the local rules of the listener, of the mount and of its twins;
	// nil: none.
	rules []*localrules.Rules
	role  string
	api   mashery.API
	// below is the path below the role, decoded: what policies speak of.
	below string
	// tail is V3's path as it is sent, escaped as received; path is it decoded.
	tail, path string
	// method is the V2 method the path names; "" when it names none.
	method string
	// outer is the request's verb, verb the one that is sent. They differ
	// where the path names the verb, and for lists, which are sent as GET.
	outer, verb string
	// named tells that the path names the verb.
	named bool
}

// recognise tells a local call from the others: nil, nil for the others, where
// local rules allow them.
func (h *Handler) recognise(l *Listener, t target, r *http.Request) (*route, *apierror.Error) {
	rules := h.pageOf(l)
	path, isVault := strings.CutPrefix(t.decoded, "/v1/")
	if !isVault {
		return nil, h.narrowPlain(rules, t.decoded)
	}
	namespace, refusal := h.namespaceOf(r)
	if refusal != nil {
		return nil, refusal
	}
	namespaced, twins := namespace+path, h.twins(path)
	if refusal := h.withheld(namespaced, path, twins); refusal != nil {
		return nil, refusal
	}
	mount, rest := find(h.places, namespaced, namespace)
	rest, below := strings.CutPrefix(rest, "roles/")
	role, call, isCall := strings.Cut(rest, "/")
	if mount == nil || !below || !isCall || !isLocal(call) {
		return nil, h.narrowOthers(rules, r, namespaced, path, twins)
	}
	if !isRoleName(role) {
		return nil, badRequest("%q cannot be the name of a role; it may hold letters, digits, _, and inside - and .", role)
	}
	found := &route{listener: l, mount: mount, role: role, below: call, outer: strings.ToUpper(r.Method)}
	found.rules = rules.of(mount, twins)
	before := strings.TrimSuffix(t.decoded, call) // what precedes the part below the role
	if refusal := found.read(before, t, r); refusal != nil {
		return nil, refusal
	}
	return found, nil
}

func isLocal(below string) bool {
	return below == v2Path || strings.HasPrefix(below, v2Path+"/") ||
		strings.HasPrefix(below, v3Prefix) || strings.HasPrefix(below, verbPrefix)
}

// read takes the part below the role apart. Only what follows proxy/v3/ or
// proxy/v3-method/<verb>/ may be escaped; an escape before it would be another
// spelling of the same path.
func (c *route) read(before string, t target, r *http.Request) *apierror.Error {
	fixed, verb, tail, refusal := c.split()
	if refusal != nil {
		return refusal
	}
	raw, plain := strings.CutPrefix(t.raw, before+fixed)
	if !plain {
		return badRequest("nothing before the V3 path may be escaped; write %q as it is", before+fixed)
	}
	if tail == "" {
		return c.readV2(r)
	}
	c.api, c.tail, c.verb = mashery.V3, raw, strings.ToUpper(verb)
	c.named = verb != ""
	if refusal := c.readSuffix(tail); refusal != nil {
		return refusal
	}
	c.path, _ = cutVerbSuffix(tail)
	if c.named {
		return c.checkNamedVerb()
	}
	return c.readVerb(r)
}

// split cuts the part below the role into what may not be escaped and V3's
// path, which is "" for V2, and returns the verb before that path, if any.
func (c *route) split() (fixed, verb, tail string, refusal *apierror.Error) {
	switch {
	case strings.HasPrefix(c.below, verbPrefix):
		verb, tail, _ = strings.Cut(strings.TrimPrefix(c.below, verbPrefix), "/")
	case strings.HasPrefix(c.below, v3Prefix):
		tail = strings.TrimPrefix(c.below, v3Prefix)
	default:
		return c.below, "", "", nil
	}
	if tail == "" {
		return "", "", "", badRequest("proxy/v3/ and proxy/v3-method/<verb>/ must be followed by a V3 path, such as services")
	}
	return strings.TrimSuffix(c.below, tail), verb, tail, nil
}

func (c *route) readV2(r *http.Request) *apierror.Error {
	c.api, c.verb = mashery.V2, http.MethodPost
	if c.below != v2Path {
		c.method = strings.TrimPrefix(c.below, v2Path+"/")
		if c.method == "" || strings.Contains(c.method, "/") {
			return badRequest("the path must be proxy/v2 or proxy/v2/<method>, such as proxy/v2/object.query")
		}
	}
	switch {
	case c.outer != http.MethodPost:
		return notAllowed(c.outer, http.MethodPost)
	case strings.Contains(r.RequestURI, "?"):
		return badRequest("a V2 call has no query: leave out what follows \"?\"; the key and the signature are added here")
	}
	return nil
}

// readSuffix takes ;target-method-<verb> off the path that is sent; decoded is
// that path as Vault reads it.
func (c *route) readSuffix(decoded string) *apierror.Error {
	_, verb := cutVerbSuffix(decoded)
	path, written := cutVerbSuffix(c.tail)
	switch {
	case verb != written:
		return badRequest("%s<verb> must be written without escapes", verbSuffix)
	case strings.HasSuffix(decoded, verbSuffix):
		return badRequest("%s must be followed by a verb", verbSuffix)
	case verb == "":
		return nil
	case c.named:
		return badRequest("the path names the verb twice; leave %s%s out", verbSuffix, verb)
	case path == "":
		return badRequest("%s<verb> must follow a V3 path, such as services", verbSuffix)
	case c.outer == http.MethodGet:
		return notAllowed(c.outer, http.MethodPost, http.MethodPut)
	}
	c.tail, c.verb, c.named = path, strings.ToUpper(verb), true
	if c.verb == http.MethodGet || c.verb == http.MethodHead {
		return badRequest("%s<verb> is for POST, PUT and DELETE; send %s itself", verbSuffix, c.verb)
	}
	return nil
}

// readVerb takes the request's own verb for a path that names none.
func (c *route) readVerb(r *http.Request) *apierror.Error {
	switch c.outer {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete:
		c.verb = c.outer
	case "LIST":
		c.verb = http.MethodGet
	default:
		return notAllowed(c.outer, http.MethodGet, http.MethodHead, "LIST", http.MethodPost, http.MethodPut, http.MethodDelete)
	}
	return checkList(c.outer, r)
}

// checkNamedVerb tells whether the request's verb may ask for the one the path
// names: a read for reads, a write for writes.
func (c *route) checkNamedVerb() *apierror.Error {
	reads := []string{http.MethodGet, http.MethodHead}
	writes := []string{http.MethodPost, http.MethodPut, http.MethodDelete}
	switch {
	case slices.Contains(reads, c.verb) && c.outer == http.MethodGet,
		slices.Contains(writes, c.verb) && (c.outer == http.MethodPost || c.outer == http.MethodPut):
		return nil
	case slices.Contains(reads, c.verb):
		return notAllowed(c.outer, http.MethodGet)
	case slices.Contains(writes, c.verb):
		return notAllowed(c.outer, http.MethodPost, http.MethodPut)
	}
	return badRequest("%q is not a verb of Mashery's V3 API; use GET, HEAD, POST, PUT or DELETE", c.verb)
}

// checkList refuses, as Vault does, a query whose "list" is neither true nor
// false. A true one needs no change: Mashery is asked with GET anyway.
func checkList(verb string, r *http.Request) *apierror.Error {
	if verb != http.MethodGet || !strings.Contains(r.URL.RawQuery, "list") {
		return nil
	}
	if list := r.URL.Query().Get("list"); list != "" {
		if _, err := strconv.ParseBool(list); err != nil {
			return badRequest("the query's \"list\" is neither true nor false")
		}
	}
	return nil
}

// cutVerbSuffix takes ;target-method-<verb> off the end of a V3 path.
func cutVerbSuffix(path string) (before, verb string) {
	i := strings.LastIndex(path, verbSuffix)
	if i < 0 || i+len(verbSuffix) == len(path) || strings.ContainsAny(path[i+len(verbSuffix):], "/;%") {
		return path, ""
	}
	return path[:i], path[i+len(verbSuffix):]
}

func badRequest(format string, args ...any) *apierror.Error {
	return apierror.New(http.StatusBadRequest, apierror.BadRequest, format, args...)
}

func notAllowed(verb string, allowed ...string) *apierror.Error {
	list := strings.Join(allowed, ", ")
	return apierror.New(http.StatusMethodNotAllowed, apierror.MethodNotAllowed, "%s is not possible on this path; use %s", verb, list).With("Allow", list)
}
