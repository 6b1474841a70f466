// SPDX-License-Identifier: MPL-2.0

package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// block is a fenced block of a page.
type block struct {
	language string // what follows the fence, such as "sh" or "sh no-test"
	text     string
	line     int // of its first line
}

// blocks are the fenced blocks of a page, in order.
func blocks(page string) (all []block) {
	var open *block
	number := 0
	for line := range strings.Lines(page) {
		number++
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open != nil:
			all, open = append(all, *open), nil
		case isFence:
			open = &block{language: fence, line: number + 1}
		case open != nil:
			open.text += line
		}
	}
	return all
}

// TestTheShellBlocksOfThePagesDoWhatThePagesSay runs every block that is marked
// "sh", in order and with one shell for each page. A block marked "sh no-test"
// is left out: it installs something, or needs what a sandbox does not have.
//
// Every line must succeed, but one that ends in a comment such as
// "# 403: permission denied" must be refused with that status and these words.
// A block marked "text" or "json" that comes next is what the last line of the
// block shows; see compare.
func TestTheShellBlocksOfThePagesDoWhatThePagesSay(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("there are no pages here: %v", err)
	}
	for _, page := range append(pages, "../README.md") {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			try(t, page, blocks(string(text)))
		})
	}
}

// try runs the blocks of one page.
func try(t *testing.T, page string, all []block) {
	t.Helper()
	var sh *shell
	var last *outcome
	for _, b := range all {
		var err error
		switch b.language {
		case "sh":
			if sh == nil {
				sh = newShell(t, newStage(t))
			}
			last, err = sh.run(b)
		case "text", "json":
			if last == nil {
				err = fmt.Errorf("line %d: there is no command before this output", b.line)
				break
			}
			if err = compare(b, last); err != nil {
				err = fmt.Errorf("line %d: %w\nwhat came out is\n%s", b.line, err, last.text)
			}
			last = nil
		default:
			last = nil
		}
		if err != nil {
			t.Fatalf("%s: %v", page, err) // what follows may rest on it
		}
	}
}

func TestABlockIsWhatIsBetweenFences(t *testing.T) {
	all := blocks("text\n```sh no-test\none\n```\nmore\n\n```json\n{}\n{}\n```\n")
	want := []block{{"sh no-test", "one\n", 3}, {"json", "{}\n{}\n", 8}}
	if len(all) != 2 || all[0] != want[0] || all[1] != want[1] {
		t.Errorf("the blocks are %+v, want %+v", all, want)
	}
}
