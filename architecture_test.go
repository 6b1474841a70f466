// SPDX-License-Identifier: MPL-2.0

// Package mashproxy_test holds the rules of the house: which room may import
// what, and what every room has.
package mashproxy_test

import (
	"encoding/json"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module  = "mashproxy/"
	vault   = "github.com/hashicorp/vault"
	vaultOf = vault + "/" // anything of Vault's, its SDK and client included
)

// room is what `go list` says of a package.
type room struct {
	ImportPath   string
	Name         string
	Dir          string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
}

func rooms(t *testing.T) []room {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Name,Dir,GoFiles,TestGoFiles,XTestGoFiles,Imports", "./...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []room
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var r room
		if err := decoder.Decode(&r); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(r.GoFiles) > 0 {
			all = append(all, r)
		}
	}
}

// arrows says, for the rooms below a path, what of this program and what of
// Vault they may import. A path stands for what lies below it, too.
var arrows = []struct {
	of    string
	ours  []string
	vault []string
}{
	{"mashery", nil, nil},
	{"cache", nil, []string{vault + "/api"}},
	{"secretsengine", []string{"mashery"}, []string{vault + "/sdk"}},
	{"sandbox/emulator", []string{"mashery"}, nil},
	{"sandbox", []string{"secretsengine", "mashery", "sandbox"}, []string{vault}},
	{"agentext/apierror", nil, nil},
	{"agentext", []string{"cache", "mashery", "agentext"}, []string{vault}},
	{"cmd/vault-plugin-secrets-mashery", []string{"secretsengine"}, []string{vault + "/sdk"}},
	{"cmd/mashproxy", []string{"agentext", "sandbox"}, nil},
	{"bench/peer", nil, nil},
	{"bench", []string{"bench/rig", "sandbox", "mashery"}, []string{vault + "/api"}},
	{"chaos", []string{"bench/rig", "sandbox"}, []string{vault + "/api"}},
}

func TestArrowsBetweenRoomsPointOneWay(t *testing.T) {
	for _, r := range rooms(t) {
		name := strings.TrimPrefix(r.ImportPath, module)
		i := slices.IndexFunc(arrows, func(a struct {
			of          string
			ours, vault []string
		}) bool {
			return within(name, a.of)
		})
		if i < 0 {
			t.Errorf("%s is a room nobody knows; say in this test what it may import", name)
			continue
		}
		for _, imported := range r.Imports {
			ours, isOurs := strings.CutPrefix(imported, module)
			switch {
			case isOurs && !anyWithin(ours, arrows[i].ours):
				t.Errorf("%s must not import %s", name, ours)
			case within(imported, vault) && !anyWithin(imported, arrows[i].vault):
				t.Errorf("%s must not import %s", name, imported)
			}
		}
	}
}

// Vault's package command drags every secrets engine in, and does not build
// with the SDK that the others need.
func TestNobodyImportsVaultsCommandLine(t *testing.T) {
	for _, r := range rooms(t) {
		if slices.Contains(r.Imports, vaultOf+"command") {
			t.Errorf("%s imports %scommand", r.ImportPath, vaultOf)
		}
	}
}

func TestEveryRoomHasOnePackageCommentAndAnExample(t *testing.T) {
	for _, r := range rooms(t) {
		fileset := token.NewFileSet()
		comments := 0
		for _, file := range parse(t, fileset, r.Dir, r.GoFiles) {
			if file.Doc != nil {
				comments++
			}
		}
		if comments != 1 {
			t.Errorf("%s has %d package comments, want 1", r.ImportPath, comments)
		}
		tests := parse(t, fileset, r.Dir, append(r.TestGoFiles, r.XTestGoFiles...))
		if r.Name != "main" && len(doc.Examples(tests...)) == 0 {
			t.Errorf("%s has no Example", r.ImportPath)
		}
	}
}

func parse(t *testing.T, fileset *token.FileSet, dir string, names []string) (files []*ast.File) {
	t.Helper()
	for _, name := range names {
		file, err := parser.ParseFile(fileset, filepath.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func within(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

func anyWithin(path string, parents []string) bool {
	return slices.ContainsFunc(parents, func(parent string) bool { return within(path, parent) })
}
