// SPDX-License-Identifier: MPL-2.0

package mashproxy_test

import (
	"encoding/json"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mashproxy/secretsengine"
)

// documents are the pages a user reads.
func documents(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages in docs: %v", err)
	}
	return append(pages, "README.md", "CHANGELOG.md", "examples/README.md")
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors are the fragments by which a page's headings can be linked to.
func anchors(page string) (names []string) {
	for _, found := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		name := noSlug.ReplaceAllString(strings.ToLower(found[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

func TestLinksInTheDocumentsLeadSomewhere(t *testing.T) {
	for _, page := range documents(t) {
		for _, found := range link.FindAllStringSubmatch(fenced.ReplaceAllString(read(t, page), ""), -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := page
			if target != "" {
				path = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s, which is not there", page, found[1])
			} else if anchor != "" && !slices.Contains(anchors(read(t, path)), anchor) {
				t.Errorf("%s links to %s, but %s has no such heading", page, found[1], path)
			}
		}
	}
}

func TestMakeTargetsInTheDocumentsExist(t *testing.T) {
	makefile := read(t, "Makefile")
	for _, page := range documents(t) {
		for _, found := range regexp.MustCompile("(?m)(?:`|^)make ([a-z]+)").FindAllStringSubmatch(read(t, page), -1) {
			if !strings.Contains(makefile, "\n"+found[1]+":") {
				t.Errorf("%s speaks of `make %s`; the Makefile has no such target", page, found[1])
			}
		}
	}
}

// documented are the names in backquotes with which rows of a page's tables
// begin, in the column with that number.
func documented(t *testing.T, page string, column int) (names []string) {
	t.Helper()
	for line := range strings.Lines(read(t, page)) {
		cells := strings.Split(line, "|")
		if len(cells) <= column+1 {
			continue
		}
		for _, found := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[column+1], -1) {
			names = append(names, found[1])
		}
	}
	return names
}

func wantDocumented(t *testing.T, page string, column int, names []string) {
	t.Helper()
	if len(names) == 0 {
		t.Fatalf("nothing was found that %s should document", page)
	}
	rows := documented(t, page, column)
	for _, name := range names {
		if !slices.Contains(rows, name) {
			t.Errorf("no table of %s has a row for `%s`", page, name)
		}
	}
}

func TestEveryFlagOfTheSandboxIsDocumented(t *testing.T) {
	calls := regexp.MustCompile(`set\.\w+\([^"\n]*"([a-z-]+)"`)
	var flags []string
	for _, found := range calls.FindAllStringSubmatch(read(t, "cmd/mashproxy/dev.go"), -1) {
		flags = append(flags, "-"+found[1])
	}
	wantDocumented(t, "docs/sandbox.md", 0, flags)
	for _, row := range documented(t, "docs/sandbox.md", 0) {
		if strings.HasPrefix(row, "-") && !slices.Contains(flags, row) {
			t.Errorf("docs/sandbox.md documents %s, which is no flag", row)
		}
	}
}

func TestEveryFuzzedPackageIsDocumented(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "docs/architecture.md"), "\n## Tests\n")
	packages := make(map[string]bool)
	if err := filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") && strings.Contains(read(t, path), "\nfunc Fuzz") {
			packages[filepath.Dir(path)] = true
		}
		return err
	}); err != nil || len(packages) == 0 {
		t.Fatalf("no fuzz targets were found: %v", err)
	}
	for name := range packages {
		if !strings.Contains(section, "\n| `"+name+"` |") {
			t.Errorf("docs/architecture.md, Tests, has no row for what is fuzzed in %s", name)
		}
	}
}

// constants are the texts of a file's constants by their names.
func constants(t *testing.T, path string) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for _, file := range parse(t, token.NewFileSet(), filepath.Dir(path), []string{filepath.Base(path)}) {
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, value := range spec.Values {
				if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					texts[spec.Names[i].Name], _ = strconv.Unquote(literal.Value)
				}
			}
			return false
		})
	}
	return texts
}

func TestEveryErrorCodeIsDocumented(t *testing.T) {
	codes := constants(t, "agentext/apierror/apierror.go")
	delete(codes, "CodeHeader")
	wantDocumented(t, "docs/errors.md", 1, slices.Sorted(maps.Values(codes)))
}

func TestEveryCauseForWhichVaultDecidesIsDocumented(t *testing.T) {
	causes := constants(t, "agentext/policy/cause.go")
	wantDocumented(t, "docs/architecture.md", 0, slices.Sorted(maps.Values(causes)))
}

func TestTheMountExampleLetsThroughWhatTheEngineAsksFor(t *testing.T) {
	var mount map[string][]string
	if err := json.Unmarshal([]byte(read(t, "examples/vault/mount.json")), &mount); err != nil {
		t.Fatal(err)
	}
	guide := read(t, "docs/engine-setup.md")
	for key, want := range map[string][]string{
		"allowed_response_headers":    secretsengine.ResponseHeaders(),
		"passthrough_request_headers": secretsengine.RequestHeaders(),
	} {
		if !slices.Equal(mount[key], want) {
			t.Errorf("%s of examples/vault/mount.json is %q, want %q", key, mount[key], want)
		}
		for _, name := range want {
			if !strings.Contains(guide, "`"+name+"`") {
				t.Errorf("docs/engine-setup.md does not name the header %s", name)
			}
		}
	}
}

func TestThePolicyOfTheGuideIsTheExample(t *testing.T) {
	_, policy, _ := strings.Cut(read(t, "examples/vault/policy.hcl"), "\n\n")
	if !strings.Contains(read(t, "docs/getting-started.md"), policy) {
		t.Error("docs/getting-started.md shows another policy than examples/vault/policy.hcl")
	}
}
