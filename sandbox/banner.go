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
  Mashery      %s  (emulated%s)
               %s  (what it counted; POST /faults: let it fail)
  files        %s%s

Try:
`, s.proxyAddress, s.Socket(), s.vault.Address(), s.vault.RootToken().Reveal(), s.masheryURL, s.trust(), s.adminURL, s.Dir(), s.fate())
	for _, call := range calls(s.options.Mount) {
		fmt.Fprintf(&text, "\n# %s\n", call.title)
		for _, route := range s.routes() {
			fmt.Fprintln(&text, route.curlLine(call))
		}
	}
	fmt.Fprintf(&text, "\n# Vault itself, by its command line, as the operator\n%s\n", strings.Join(s.vaultLines(), "\n"))
	_, err := io.WriteString(w, text.String()+"\n")
	return err
}

// vaultLines are what a person types who has Vault's command line.
func (s *Sandbox) vaultLines() []string {
	role := s.options.Mount + "/roles/" + demoRole
	return []string{
		"export VAULT_ADDR=" + s.vault.Address() + ` VAULT_TOKEN="$(cat ` + shellQuote(s.folder.file(rootTokenFile)) + `)"`,
		"vault read " + role,
		"vault read " + role + "/grant api=2",
		"vault read " + role + "/grant api=3",
		"vault read " + role + "/token",
		"vault list " + s.options.Mount + "/roles",
	}
}

// trust says whose certificate the emulated Mashery shows; "" without TLS.
func (s *Sandbox) trust() string {
	if s.authority == nil {
		return ""
	}
	return "; curl --cacert " + shellQuote(s.folder.file(authorityFile))
}

// fate says what becomes of the files.
func (s *Sandbox) fate() string {
	if s.folder.temporary {
		return "  (removed at the end)"
	}
	return "  (kept)"
}
