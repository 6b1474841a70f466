// SPDX-License-Identifier: MPL-2.0

package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	proof    = regexp.MustCompile("\\[`((?:Test|Fuzz)\\w+)`\\]\\((\\S+_test\\.go)\\)")
	unlinked = regexp.MustCompile("[^\\[]`(?:Test|Fuzz)\\w+`")
)

// tests are the names of a file's tests.
func tests(t *testing.T, path string) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, declared := range file.Decls {
		if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
			names[f.Name.Name] = true
		}
	}
	return names
}

func securityPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("security.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestEveryProofOfTheSecurityPageIsATest(t *testing.T) {
	page := securityPage(t)
	named := proof.FindAllStringSubmatch(page, -1)
	if len(named) < 40 {
		t.Errorf("only %d proofs were found", len(named))
	}
	for _, found := range named {
		if name, path := found[1], found[2]; !tests(t, path)[name] {
			t.Errorf("there is no %s in %s", name, path)
		}
	}
	for _, name := range unlinked.FindAllString(page, -1) {
		t.Errorf("%s has no link to its file", name[1:])
	}
}

func TestEveryAttackIsOnTheSecurityPage(t *testing.T) {
	page := securityPage(t)
	files, err := filepath.Glob("../cmd/mashproxy/attack_*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no attacks: %v", err)
	}
	for _, path := range files {
		for name := range tests(t, path) {
			if !strings.Contains(page, "[`"+name+"`]("+path+")") {
				t.Errorf("the page does not name %s of %s", name, path)
			}
		}
	}
}
