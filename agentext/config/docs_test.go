// SPDX-License-Identifier: MPL-2.0

package config

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestEveryKeyIsInTheReference reads docs/configuration.md.
func TestEveryKeyIsInTheReference(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	wanted := []string{"| `compat` | text |"}
	ours := topLevel().keys["mashery"].block.names()
	if !slices.Contains(ours, "max_wait") {
		t.Fatalf("keys of the block: %v", ours)
	}
	for _, name := range ours {
		wanted = append(wanted, "\n| `"+name+"` | ")
	}
	for _, name := range topLevel().keys["mashery"].block.keys["tls"].block.names() {
		wanted = append(wanted, "\n| `tls."+name+"` | ")
	}
	for _, method := range authMethods() {
		wanted = append(wanted, "`"+method+"`")
	}
	set := flag.NewFlagSet("", flag.ContinueOnError)
	new(Flags).Register(set)
	set.VisitAll(func(f *flag.Flag) { wanted = append(wanted, "| `-"+f.Name+"` |") })
	for _, text := range wanted {
		if !strings.Contains(string(page), text) {
			t.Errorf("docs/configuration.md lacks %q", text)
		}
	}
}
