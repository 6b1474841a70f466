// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"net/http"
	"strings"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/config"
)

// withheld refuses a request for a credential: the forced token may read it,
// so without this every caller could. path is decoded, without "v1/". Both
// readings count, with the namespace a request claims and without: Community
// Vault ignores that.
func (h *Handler) withheld(namespaced, path string, twins []twin) *apierror.Error {
	if createsToken(namespaced) && !h.RevealsTokenCreation {
		return withheldError("tokens cannot be created through this proxy, because they would carry its own token's rights; reveal = [%q] in a mashery block allows it", config.TokenCreation)
	}
	for _, p := range h.places {
		for _, reading := range [...]string{namespaced, path} {
			if rest, inside := strings.CutPrefix(reading, p.prefix); inside {
				if refusal := p.mount.withholds(rest); refusal != nil {
					return refusal
				}
			}
		}
	}
	for _, t := range twins {
		if refusal := t.mount.withholds(t.rest); refusal != nil {
			return refusal
		}
	}
	return nil
}

// withholds refuses a credential of the mount's; path is what follows the mount.
func (m *Mount) withholds(path string) *apierror.Error {
	role, kind := credential(path)
	switch {
	case kind == "":
		return nil
	case kind == "export" || kind == "pem":
		return withheldError("%s of a role cannot be used through this proxy; ask Vault itself, with a token of your own", kind)
	case m.Reveals(role):
		return nil
	}
	return withheldError("the %s of role %q stays inside this proxy: call …/roles/%s/proxy/v2 or …/proxy/v3/… instead, which need no credential; reveal = [%q] in the block mashery %q opens it", kind, role, role, role, m.Mashery.Mount)
}

// credential recognises roles/<role>/grant, token, export and pem, and what
// might be below them; kind is "" for anything else.
func credential(path string) (role, kind string) {
	path, ok := strings.CutPrefix(path, "roles/")
	if !ok {
		return "", ""
	}
	role, below, _ := strings.Cut(path, "/")
	kind, _, _ = strings.Cut(below, "/")
	switch kind {
	case "grant", "token", "export", "pem":
		return role, kind
	}
	return "", ""
}

// createsToken recognises auth/token/create, create-orphan and create/<role>,
// in any namespace.
func createsToken(path string) bool {
	const create = "auth/token/create"
	return strings.HasPrefix(path, create) || strings.Contains(path, "/"+create)
}

func withheldError(format string, args ...any) *apierror.Error {
	return apierror.New(http.StatusForbidden, apierror.CredentialWithheld, format, args...)
}
