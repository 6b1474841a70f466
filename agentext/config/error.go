// SPDX-License-Identifier: MPL-2.0

package config

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Error is all that is wrong with a configuration, in the order of the files.
type Error struct {
	Problems hcl.Diagnostics
	sources  map[string][]byte // with secrets masked
}

// Error prints every problem with its file, line, column and source line.
func (e *Error) Error() string {
	var b strings.Builder
	for i, d := range e.Problems {
		if i > 0 {
			b.WriteString("\n")
		}
		e.write(&b, d)
	}
	return strings.TrimRight(b.String(), "\n")
}

func (e *Error) write(b *strings.Builder, d *hcl.Diagnostic) {
	fmt.Fprintf(b, "Error: %s\n", d.Summary)
	switch at := d.Subject; {
	case at == nil:
	case at.Start.Line < 1:
		fmt.Fprintf(b, "  at %s\n", at.Filename)
	default:
		fmt.Fprintf(b, "  at %s:%d:%d\n", at.Filename, at.Start.Line, at.Start.Column)
		e.writeLine(b, at)
	}
	fmt.Fprintf(b, "  %s\n", d.Detail)
}

// writeLine shows the source line with a mark under the place.
func (e *Error) writeLine(b *strings.Builder, at *hcl.Range) {
	lines := bytes.Split(e.sources[at.Filename], []byte("\n"))
	if at.Start.Line < 1 || at.Start.Line > len(lines) {
		return
	}
	line := []rune(string(lines[at.Start.Line-1]))
	start := max(0, min(at.Start.Column-1, len(line)))
	end := len(line)
	if at.End.Line == at.Start.Line {
		end = min(max(at.End.Column-1, start), len(line))
	}
	shown, start, end := window(line, start, end)
	number := fmt.Sprintf("%5d", at.Start.Line)
	fmt.Fprintf(b, "%s | %s\n", number, string(shown))
	fmt.Fprintf(b, "%s | %s%s\n", strings.Repeat(" ", len(number)), blank(shown[:start]), strings.Repeat("^", max(1, end-start)))
}

// window cuts a long line (JSON may be all on one) to what is around the place.
func window(line []rune, start, end int) ([]rune, int, int) {
	const before, all = 60, 120
	if len(line) <= all {
		return line, start, end
	}
	from := max(0, start-before)
	to := min(len(line), from+all)
	cut := slices.Clone(line[from:to])
	return cut, start - from, min(end, to) - from
}

// blank is as wide as text.
func blank(text []rune) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(text))
}

// tidy sorts problems by place, those of no place first, and leaves out what is
// said twice.
func tidy(diags hcl.Diagnostics) (kept hcl.Diagnostics) {
	for _, d := range diags {
		if !slices.ContainsFunc(kept, func(k *hcl.Diagnostic) bool { return says(k, d) }) {
			kept = append(kept, d)
		}
	}
	slices.SortStableFunc(kept, func(a, b *hcl.Diagnostic) int {
		p, q := place(a), place(b)
		return cmp.Or(cmp.Compare(p.Filename, q.Filename), cmp.Compare(p.Start.Line, q.Start.Line), cmp.Compare(p.Start.Column, q.Start.Column))
	})
	return kept
}

// says tells whether k, which was found first, makes d superfluous. Where two
// readings complain of the same place, ours, which comes first, says more.
func says(k, d *hcl.Diagnostic) bool {
	p, q := place(k), place(d)
	switch {
	case p.Filename == "" || q.Filename == "":
		return p == q && k.Detail == d.Detail
	case d.Summary == vaultRefuses && k.Summary == wrongType:
		return p.Filename == q.Filename && p.Start.Line == q.Start.Line
	default:
		return p == q && (k.Summary == d.Summary || d.Summary == vaultRefuses)
	}
}

// place is where a problem is; the zero range sorts first.
func place(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}
