// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"fmt"
	"io"
	"strings"
)

// Banner tells a person where everything listens and what to try. It is the only
// place where a secret is printed: the root token of the sandbox's own Vault, once.
func (s *Sandbox) Banner(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, `mashproxy dev: everything below runs in this process; Ctrl-C ends it.

  mashproxy    http://%s
               unix:%s
  Vault        %s  (root token: %s)
  Mashery      %s  (emulated)
  files        %s%s

Try:
`, s.proxyAddress, s.Socket(), s.vault.Address(), s.vault.RootToken().Reveal(), s.masheryURL, s.Dir(), s.fate())
	for _, call := range calls(s.options.Mount) {
		fmt.Fprintf(&text, "\n# %s\n", call.title)
		for _, route := range s.routes() {
			fmt.Fprintln(&text, route.curlLine(call))
		}
	}
	_, err := io.WriteString(w, text.String()+"\n")
	return err
}

// fate says what becomes of the files.
func (s *Sandbox) fate() string {
	if s.folder.temporary {
		return "  (removed at the end)"
	}
	return "  (kept)"
}
