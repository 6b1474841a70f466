// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"mashproxy/mashery"
)

// target is the path a request asks for, as it was written and as Vault reads it.
type target struct {
	raw     string // escaped, as received
	decoded string // once, as Vault routes it
}

// readTarget reads the request's path, and refuses one that different servers
// would read differently: "." and ".." and empty segments and control
// characters, plain or escaped once or twice, a target that names a host, and a
// fragment, which no client sends and at which some servers cut a path off.
func readTarget(r *http.Request) (target, error) {
	raw, _, _ := strings.Cut(r.RequestURI, "?")
	switch {
	case !strings.HasPrefix(raw, "/"):
		return target{}, errors.New(`the request's target must be a path that begins with "/", without scheme and host`)
	case strings.Contains(r.RequestURI, "#"):
		return target{}, errors.New(`the request's target holds a "#"; write it as %23`)
	}
	t := target{raw: raw, decoded: r.URL.Path}
	flaw := mashery.PathFlaw(t.raw)
	if flaw == "" && strings.Contains(raw, "%") {
		flaw = mashery.PathFlaw(t.decoded)
	}
	if flaw != "" {
		return target{}, fmt.Errorf("the path holds %s, plain or escaped; write the path without", flaw)
	}
	return t, nil
}
