// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"net/http"
	"strings"

	"mashproxy/agentext/apierror"
	"mashproxy/mashery"
)

const headerNamespace = "X-Vault-Namespace"

// namespaceOf is the namespace that the file and a request's header put before
// its path, "" or with a slash at its end. It refuses a header that Vault might
// read in another way. Vault takes "team", "/team" and "team/" for the same
// (helper/namespace, Canonicalize), and no namespace but the first can be
// called root.
func (h *Handler) namespaceOf(r *http.Request) (string, *apierror.Error) {
	values := r.Header[headerNamespace]
	if len(values) == 0 {
		return h.prepend, nil
	}
	name := strings.TrimPrefix(values[0], "/")
	if len(values) > 1 || strings.Contains(name, "%") || mashery.PathFlaw("/"+name) != "" {
		return "", badRequest("the header %s must be sent once, and hold a namespace's path such as team/a, without escapes and empty parts", headerNamespace)
	}
	if name != "" && !strings.HasSuffix(name, "/") {
		name += "/"
	}
	return strings.TrimPrefix(h.prepend+name, "root/"), nil
}
