// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"path/filepath"
	"strings"
	"testing"

	"mashproxy/sandbox"
)

// What Vault refused is not asked for again at once because the program was started
// again; what it was not asked yet is.
func TestALoginThatVaultRefusedIsRememberedOverARestart(t *testing.T) {
	t.Parallel()
	const waits, refused, accepted = "Vault has refused the latest logins", "error authenticating", "authentication successful"
	box := startSandbox(t, sandbox.Options{})
	dir := shortDir(t)
	config := configured(t, box, edit{filepath.Join(box.Dir(), "secret-id"), write(t, dir, "secret-id", "wrong")})
	start := func(first string) {
		t.Helper()
		p := run(t, []string{"STATE_DIRECTORY=" + dir}, "proxy", "-config="+config)
		all := []string{waits, refused, accepted}
		said := func() string {
			for text := range strings.Lines(p.stdout.String() + p.stderr.String()) {
				for _, one := range all {
					if strings.Contains(text, one) {
						return one
					}
				}
			}
			return ""
		}
		eventually(t, "it logs in, or waits", func() bool { return said() != "" })
		if got := said(); got != first {
			t.Errorf("first it says %q, not %q", got, first)
		}
		p.end(t)
	}
	start(refused)
	start(waits)
	write(t, dir, "secret-id", read(t, filepath.Join(box.Dir(), "secret-id")))
	start(accepted)
	if kept, _ := filepath.Glob(filepath.Join(dir, "refused-*")); len(kept) > 0 {
		t.Errorf("%s is left, though Vault has accepted a login", kept)
	}
}
