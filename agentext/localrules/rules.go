// SPDX-License-Identifier: MPL-2.0

package localrules

import (
	"fmt"
	"net/http"
	"strings"
)

// Rules are what a listener or a mashery block allows at most. They do not
// change once made. Nil allows everything.
type Rules struct {
	roles, methods, v3Paths, v2Methods, vaultPaths *list // nil: narrows nothing

	v2Arguments []arguments
	v2Place     string // of the key v2_arguments
}

// list is what one key allows.
type list struct {
	key, place string
	globs      []glob
}

func (l *list) allows(text string) bool {
	if l == nil {
		return true
	}
	for _, g := range l.globs {
		if g.matches(text) {
			return true
		}
	}
	return false
}

// denied is the error for what the list does not allow.
func (l *list) denied(format string, args ...any) error {
	return &Denied{What: fmt.Sprintf(format, args...), Key: l.key, Place: l.place}
}

// Denied says which rule does not allow something.
type Denied struct {
	What  string // `the role "other"`
	Key   string // "roles"
	Place string // `listener "unix" (proxy.hcl:12)`
}

// Error gives one sentence without an end.
func (d *Denied) Error() string {
	return fmt.Sprintf("%s is not allowed here by the local rule %s of %s", d.What, d.Key, d.Place)
}

// Role tells whether anything of a role may be used.
func (r *Rules) Role(role string) error {
	if r == nil || r.roles.allows(role) {
		return nil
	}
	return r.roles.denied("the role %q", role)
}

// BesideRoles tells whether a path of a mount may be used that belongs to no
// role, such as the list of roles. Rules that name roles leave these alone,
// unless they name all ("*").
func (r *Rules) BesideRoles(path string) error {
	if r == nil || r.roles.allows("") {
		return nil
	}
	return r.roles.denied("%q, which belongs to no role,", path)
}

// Method tells whether a call to Mashery may be made with a verb. A LIST, and a
// GET that asks for a list, may also be made where GET is named, since it is
// sent as GET.
func (r *Rules) Method(verb string, isList bool) error {
	if r == nil || r.methods.allows(verb) || isList && (r.methods.allows(http.MethodGet) || r.methods.allows("LIST")) {
		return nil
	}
	return r.methods.denied("the method %s", verb)
}

// V3Path tells whether a V3 path may be called. Raw is the path below the
// endpoint as it is sent, decoded the same without escapes. One that servers
// read in several ways is not allowed where paths are named: with ";", "\" or
// "%", or with an escaped slash, "?" or "#". A slash at the end counts for
// nothing: "services/" is the collection, and nothing below it.
func (r *Rules) V3Path(raw, decoded string) error {
	if r == nil || r.v3Paths == nil {
		return nil
	}
	switch {
	case strings.ContainsAny(decoded, ambiguous) || strings.Count(raw, "/") != strings.Count(decoded, "/"):
		return r.v3Paths.denied(`the V3 path %q, which not every server reads alike (it holds ";", "\", "%%" or an escaped "/", "?" or "#"),`, decoded)
	case !r.v3Paths.allows(strings.TrimSuffix(decoded, "/")):
		return r.v3Paths.denied("the V3 path %q", decoded)
	}
	return nil
}

// ambiguous are characters that some servers take for the end of a segment or
// of the path.
const ambiguous = `;\%?#`

// VaultPath tells whether a request for a path of Vault's may be forwarded. The
// path is as in a policy, without "/v1/" and slashes at its ends. A list may
// also be asked for where the path is named with a slash at its end, as in a
// policy.
func (r *Rules) VaultPath(path string, isList bool) error {
	if r == nil || r.vaultPaths == nil || r.vaultPaths.allows(path) || isList && r.vaultPaths.allows(path+"/") {
		return nil
	}
	return r.vaultPaths.denied("the path %q", path)
}

// LimitsCalls tells whether calls to Mashery are limited by more than their
// role.
func (r *Rules) LimitsCalls() bool {
	return r != nil && (r.methods != nil || r.v3Paths != nil || r.LimitsV2())
}

// OtherCall is the error for a call to Mashery that is made in a way that these
// rules cannot judge.
func (r *Rules) OtherCall(path string) error {
	for _, l := range []*list{r.methods, r.v3Paths, r.v2Methods} {
		if l != nil {
			return l.denied("the path %q, by which the engine calls Mashery itself,", path)
		}
	}
	return &Denied{What: fmt.Sprintf("the path %q, by which the engine calls Mashery itself,", path), Key: keyV2Arguments, Place: r.v2Place}
}
