// SPDX-License-Identifier: MPL-2.0

package intercept

import "strings"

// twin is a mount with a namespace that a path lies in if no namespace means
// anything, and what follows the mount there.
type twin struct {
	mount *Mount
	rest  string
}

// twins are those of a request's path as it stands behind the namespace that its
// header names. Vault's Community edition has no namespaces and ignores that
// header: the mount of a block is then to be had without the block's namespace,
// and with any other. So what guards it counts there, too, until Vault is known
// to be Enterprise.
func (h *Handler) twins(path string) (twins []twin) {
	for _, p := range h.places {
		if p.mount.Namespace == "" {
			continue
		}
		rest, inside := strings.CutPrefix(path+"/", p.mount.Mashery.Mount+"/")
		if !inside {
			continue
		}
		if h.HasNamespaces != nil && h.HasNamespaces() {
			return nil
		}
		twins = append(twins, twin{p.mount, strings.TrimSuffix(rest, "/")})
	}
	return twins
}
