// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"fmt"
	"net/http"
	"strings"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/config"
)

// withheld refuses a request for a credential: the forced token may read it,
// so without this every caller could. path is decoded, without "v1/". The
// namespace a request claims is not believed here, because Community Vault
// ignores it.
func (h *Handler) withheld(namespaced, path string) *apierror.Error {
	for _, reading := range []string{namespaced, path} {
		if createsToken(reading) && !h.RevealsTokenCreation {
			return withheldError(fmt.Sprintf("tokens cannot be created through this proxy, because they would carry its own token's rights; reveal = [%q] in a mashery block allows it", config.TokenCreation))
		}
		mount, rest := find(h.mounts, reading)
		if mount == nil {
			continue
		}
		role, kind, ok := credential(rest)
		switch {
		case !ok:
		case kind == "export" || kind == "pem":
			return withheldError(fmt.Sprintf("%s of a role cannot be used through this proxy; ask Vault itself, with a token of your own", kind))
		case !mount.Reveals(role):
			return withheldError(fmt.Sprintf("the %s of role %q stays inside this proxy: call …/roles/%s/proxy/v2 or …/proxy/v3/… instead, which need no credential; reveal = [%q] in the block mashery %q opens it", kind, role, role, role, mount.Mashery.Mount))
		}
	}
	return nil
}

// credential recognises roles/<role>/grant|token|export|pem below a mount.
func credential(rest string) (role, kind string, ok bool) {
	rest, ok = strings.CutPrefix(rest, "roles/")
	if !ok {
		return "", "", false
	}
	role, kind, _ = strings.Cut(rest, "/")
	kind = strings.TrimSuffix(kind, "/")
	switch kind {
	case "grant", "token", "export", "pem":
		return role, kind, true
	}
	return "", "", false
}

// createsToken recognises auth/token/create, create-orphan and create/<role>,
// in any namespace.
func createsToken(path string) bool {
	const create = "auth/token/create"
	return strings.HasPrefix(path, create) || strings.Contains(path, "/"+create)
}

func withheldError(text string) *apierror.Error {
	return apierror.New(http.StatusForbidden, apierror.CredentialWithheld, "%s", text)
}
