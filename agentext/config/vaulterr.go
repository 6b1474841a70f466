// SPDX-License-Identifier: MPL-2.0

package config

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/v2"

	"mashproxy/agentext/config/hcl1"
)

// vaultRefuses is the summary of what Vault's loader says.
const vaultRefuses = "Refused by Vault's loader"

// vaultProblem is the one thing Vault's loader has against the file, nil when
// it has none or when we say it ourselves.
func (f *file) vaultProblem() *hcl.Diagnostic {
	if f.vaultErr == nil || hcl1.IsDuplicate(f.vaultErr) {
		return nil
	}
	message, at := f.place(f.vaultErr.Error())
	if at.Filename == "" {
		at = f.locate(message)
	}
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: vaultRefuses, Detail: sentence(plain(message))}
	if at.Filename != "" {
		d.Subject = &at
	}
	return d
}

// place takes HCL 1's "At 3:5: " out of a message. Places in JSON are "At -: ".
func (f *file) place(message string) (string, hcl.Range) {
	m := regexp.MustCompile(`At (?:[^\s]*?(\d+):(\d+)|-): `).FindStringSubmatchIndex(message)
	if m == nil {
		return message, hcl.Range{}
	}
	rest := message[:m[0]] + message[m[1]:]
	if m[2] < 0 {
		return rest, hcl.Range{}
	}
	line, _ := strconv.Atoi(message[m[2]:m[3]])
	column, _ := strconv.Atoi(message[m[4]:m[5]])
	pos := hcl.Pos{Line: line, Column: column}
	return rest, hcl.Range{Filename: f.path, Start: pos, End: pos}
}

// locate follows the names in a message ("error parsing 'vault': error parsing
// 'retry': …") as far as the file has them, one inside the other.
func (f *file) locate(message string) (at hcl.Range) {
	list := f.tree.Root.Items
	enter := func(found *ast.ObjectItem) {
		at, list = f.tree.ItemRange(found), inside(found)
	}
	if m := regexp.MustCompile(`listeners\.(\d+)`).FindStringSubmatch(message); m != nil {
		i, _ := strconv.Atoi(m[1])
		if listeners := items(list, "listener"); i < len(listeners) {
			enter(listeners[i])
		}
	}
	for _, name := range regexp.MustCompile(`[A-Za-z_]\w*`).FindAllString(message, -1) {
		if found := item(list, name); found != nil {
			enter(found)
		}
	}
	return at
}

// plain puts a message of Vault's loader into one line, and HCL 1's "root.a.b:
// unknown type for string *ast.ListType" into words.
func plain(message string) string {
	message = strings.Join(strings.Fields(strings.ReplaceAll(message, "':", "': ")), " ")
	return regexp.MustCompile(`root\.([\w.\[\]]+): (?:unknown type|unknown slice type|not an object type)[^;]*`).
		ReplaceAllString(message, `"$1" has a value of the wrong type`)
}

// sentence makes one of a message. The name of a key at its begin stays as it is.
func sentence(text string) string {
	if word, _, _ := strings.Cut(text, " "); !strings.ContainsAny(word, "._") {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return strings.TrimSuffix(text, ".") + "."
}
