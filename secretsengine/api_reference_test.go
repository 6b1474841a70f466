// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
)

// apiReference is the page that is made of the engine's OpenAPI document.
const apiReference = "../docs/engine-api.md"

var update = flag.Bool("update", false, "write "+apiReference+" anew")

func TestTheReferenceOfTheAPIIsCurrent(t *testing.T) {
	want := newReference(newEngine(t).document()).String()
	if *update {
		if err := os.WriteFile(apiReference, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if is, err := os.ReadFile(apiReference); err != nil || string(is) != want {
		t.Errorf("%s is not what the engine says (%v); run: go test ./secretsengine -run Reference -update", apiReference, err)
	}
}

// reference is the page as it is written.
type reference struct {
	strings.Builder
	doc *framework.OASDocument
}

const referenceHead = `# Reference of the engine's API

Every path of the secrets engine, its operations and their fields. This page is made of the engine's own OpenAPI document, which a
Vault serves at ` + "`/v1/sys/internal/specs/openapi`" + `; a test keeps it current. What the operations are for, the other pages
say: [setup](engine-setup.md), [grants and tokens](engine-grants.md), [proxy mode](engine-proxy-mode.md),
[pull mode](engine-pull-mode.md), [the command line](engine-cli.md).

Paths are those below the mount: ` + "`/roles/{role}/grant`" + ` is ` + "`/v1/mash-creds/roles/demo/grant`" + ` of an engine at
` + "`mash-creds/`" + ` with a role ` + "`demo`" + `. PUT does the same as POST, and the verb LIST the same as GET with ` + "`list=true`" + `.
Answers have the form that all answers of Vault have, with what the operation gives below ` + "`data`" + `; those of ` + "`proxy/`" + ` are
Mashery's own.
`

func newReference(doc *framework.OASDocument) *reference {
	r := &reference{doc: doc}
	r.WriteString(referenceHead)
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		if !alsoLists(doc, path) {
			r.path(path, doc.Paths[path])
		}
	}
	return r
}

// alsoLists tells of a path with "/" at its end, by which the document tells
// lists from reads, that it belongs to the path without.
func alsoLists(doc *framework.OASDocument, path string) bool {
	without, ok := strings.CutSuffix(path, "/")
	return ok && doc.Paths[without] != nil
}

// operation is one verb of a path.
type operation struct {
	verb string
	*framework.OASOperation
}

// operations are those of a path, and the LIST of the path with "/".
func (r *reference) operations(path string, item *framework.OASPathItem) (all []operation) {
	add := func(verb string, of *framework.OASOperation) {
		if of != nil && slices.ContainsFunc(of.Parameters, func(p framework.OASParameter) bool { return p.Name == "list" }) {
			verb = "LIST"
		}
		if of != nil {
			all = append(all, operation{verb, of})
		}
	}
	add("GET", item.Get)
	if lists := r.doc.Paths[path+"/"]; lists != nil {
		add("LIST", lists.Get)
	}
	add("POST", item.Post)
	add("DELETE", item.Delete)
	return all
}

func (r *reference) path(path string, item *framework.OASPathItem) {
	fmt.Fprintf(r, "\n## `%s`\n\n%s\n", path, item.Description)
	if item.Sudo {
		fmt.Fprint(r, "\nNeeds the `sudo` capability.\n")
	}
	all := r.operations(path, item)
	fmt.Fprint(r, "\n| verb | | name |\n|---|---|---|\n")
	for _, o := range all {
		summary := o.Summary
		if o.verb == "POST" && item.CreateSupported {
			summary += " What does not exist is created."
		}
		fmt.Fprintf(r, "| %s | %s | `%s` |\n", o.verb, cell(summary), o.OperationID)
	}
	for i, f := range r.fields(item, all) {
		if i == 0 {
			fmt.Fprint(r, "\n| field | in | type | |\n|---|---|---|---|\n")
		}
		fmt.Fprintf(r, "| `%s` | %s | %s | %s |\n", f.name, f.in, f.kind, cell(f.text))
	}
}

// field is a row of a table of fields.
type field struct{ name, in, kind, text string }

// fields are those of a path: of the path itself, of queries, of bodies.
func (r *reference) fields(item *framework.OASPathItem, all []operation) (fields []field) {
	add := func(name, in string, s *framework.OASSchema, text string) {
		text += more(text, s)
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name && f.text == text })
		switch {
		case i < 0:
			fields = append(fields, field{name, in, kind(s), text})
		case !strings.Contains(fields[i].in, in):
			fields[i].in += ", " + in
		}
	}
	for _, p := range item.Parameters {
		add(p.Name, "path", p.Schema, p.Description)
	}
	for _, o := range all {
		for _, p := range o.Parameters {
			if p.Name != "list" {
				add(p.Name, "query", p.Schema, p.Description)
			}
		}
		s := r.body(o)
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			text := s.Properties[name].Description
			if slices.Contains(s.Required, name) {
				text += " Required."
			}
			add(name, "body", s.Properties[name], text)
		}
		if s.AdditionalProperties == true {
			add("…", "body", &framework.OASSchema{Type: "any"}, "What else the body holds goes to Mashery as it is.")
		}
	}
	return fields
}

// body is the schema of an operation's body; an empty one without a body.
func (r *reference) body(o operation) *framework.OASSchema {
	if o.RequestBody == nil {
		return new(framework.OASSchema)
	}
	s := o.RequestBody.Content["application/json"].Schema
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return r.doc.Components.Schemas[name]
	}
	return s
}

// kind is the type of a field. All lists are lists of texts.
func kind(s *framework.OASSchema) string {
	return cmp.Or(map[string]string{"array": "list"}[s.Type], s.Type)
}

// more is what a schema says beyond the text.
func more(said string, s *framework.OASSchema) (text string) {
	if len(s.Enum) > 0 {
		var values []string
		for _, value := range s.Enum {
			values = append(values, fmt.Sprintf("`%v`", value))
		}
		text += " One of " + strings.Join(values, ", ") + "."
	}
	if s.Default != nil && !strings.Contains(said, "Default:") {
		text += fmt.Sprintf(" Default: `%v`.", s.Default)
	}
	return text
}

// cell is a text as a table's cell can hold it.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", `\<`).Replace(text)
}
