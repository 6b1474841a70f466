// SPDX-License-Identifier: MPL-2.0

package docs_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// shell runs blocks of a page. Variables last from block to block.
type shell struct {
	*testing.T
	folder    string            // the working folder
	places    *strings.Replacer // where things are, see [stage.places]
	variables map[string]string
}

// outcome is what a command did.
type outcome struct {
	status int    // HTTP's; 0 if nothing was asked
	text   string // what it printed

	value  any            // the JSON that was answered
	table  map[string]any // what vault shows as a table
	header http.Header
}

func newShell(t *testing.T, s *stage) *shell {
	return &shell{T: t, folder: s.folder, places: s.places(), variables: make(map[string]string)}
}

// run runs a block and returns what its last command did.
func (s *shell) run(b block) (*outcome, error) {
	last := &outcome{}
	for r := (reader{text: s.places.Replace(b.text), shell: s}); ; {
		c, err := r.command()
		if c == nil && err == nil {
			return last, nil
		}
		if err == nil {
			last, err = s.execute(c)
		}
		for err == nil && c.next != nil {
			if err = c.judge(last); err == nil {
				c.next.stdin, c = last.text, c.next
				last, err = s.execute(c)
			}
		}
		if err == nil {
			err = c.judge(last)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", b.line+r.line, err)
		}
	}
}

// command is one command, expanded.
type command struct {
	variables map[string]string // that are set before it
	words     []string
	stdin     string
	into      string   // file its output goes to; "": none
	comment   string   // at the end of its line
	next      *command // that takes what it prints; nil: none
}

var refusal = regexp.MustCompile(`^(\d{3})(?:: (.*))?$`)

// judge compares the outcome with the comment.
func (c *command) judge(o *outcome) error {
	want := refusal.FindStringSubmatch(c.comment)
	switch {
	case want == nil && o.status >= http.StatusBadRequest:
		return fmt.Errorf("status %d: %s", o.status, o.text)
	case want == nil:
		return nil
	case want[1] != strconv.Itoa(o.status):
		return fmt.Errorf("status %d, want %s: %s", o.status, want[1], o.text)
	case !like(want[2], o.text):
		return fmt.Errorf("it says %s, not %q", o.text, want[2])
	}
	return nil
}

// execute runs a command. That it was refused is no error, but its outcome.
func (s *shell) execute(c *command) (done *outcome, err error) {
	if len(c.words) == 0 || c.words[0] == "export" {
		return s.assign(c)
	}
	if len(c.variables) > 0 { // for this command only
		own := *s
		own.variables = maps.Clone(s.variables)
		maps.Copy(own.variables, c.variables)
		s = &own
	}
	switch name, args := c.words[0], c.words[1:]; name {
	case "vault":
		done, err = s.vault(args, c.stdin)
	case "curl":
		done, err = s.curl(args)
	case "cat":
		done, err = s.cat(args, c.stdin)
	case "jq":
		done, err = jq(args, c.stdin)
	case "mashproxy":
		done, err = s.mashproxy(args, c.stdin)
	case "rm":
		done, err = s.remove(args)
	default:
		return nil, fmt.Errorf("%s is not known here; mark the block as `sh no-test` if it cannot be tried", name)
	}
	if err == nil && c.into != "" {
		err = os.WriteFile(s.path(c.into), []byte(done.text), 0o600)
	}
	return done, err
}

func (s *shell) assign(c *command) (*outcome, error) {
	maps.Copy(s.variables, c.variables)
	for _, word := range c.words {
		if name, value, ok := strings.Cut(word, "="); ok {
			s.variables[name] = value
		}
	}
	return &outcome{}, nil
}

// path is where a file is that a command names.
func (s *shell) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.folder, name)
}

func (s *shell) cat(args []string, stdin string) (*outcome, error) {
	text := stdin
	for _, name := range args {
		part, err := os.ReadFile(s.path(name))
		if err != nil {
			return nil, err
		}
		text += string(part)
	}
	return &outcome{text: text}, nil
}

// remove takes plain names only, so that nothing else is lost.
func (s *shell) remove(args []string) (*outcome, error) {
	for _, name := range args {
		if filepath.Base(name) != name {
			return nil, fmt.Errorf("only files of the working folder are removed, not %s", name)
		}
		if err := os.Remove(s.path(name)); err != nil {
			return nil, err
		}
	}
	return &outcome{}, nil
}

// alone is a shell with nothing but a working folder.
func alone(t *testing.T) *shell {
	return &shell{T: t, folder: t.TempDir(), places: strings.NewReplacer(), variables: make(map[string]string)}
}

func TestTheShellUnderstandsWhatThePagesUse(t *testing.T) {
	s := alone(t)
	last, err := s.run(block{text: `
# a comment
name="a b" # another
export path=/x/$name other='$name'
cat > "first file" <<'END'
$name "as it is"
END
again="$(cat \
    'first file')!"
rm 'first file'
cat > 'a file' <<'END'
{"a": [{"b": "it"}]}
END
export json="$(cat 'a file' | jq -r '.a[0].b')"
cat <<END
$json "${name}";$path;$other …
END
`})
	if want := "it \"a b\";/x/a b;$name …\n"; err != nil || last.text != want {
		t.Fatalf("the last output is %+v, %v; want %q", last, err, want)
	}
	if want := `$name "as it is"!`; s.variables["again"] != want {
		t.Errorf("again is %q, want %q", s.variables["again"], want)
	}
}

func TestTheShellRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for text, want := range map[string]string{
		"\nwget x":                "line 2: wget is not known here; mark the block as `sh no-test` if it cannot be tried",
		"cat x & cat":             "line 1: & is not understood here",
		"cat |":                   "line 1: nothing follows |",
		"export a=$(cat)\njq x y": `line 2: jq with ["x" "y"] is not known here`,
		"cat $nothing":            "line 1: the variable nothing is not set",
		"cat 'x":                  "line 1: ' has no end",
		"cat <<A\nx":              "line 1: no line A ends the text",
		"rm ../x":                 "line 1: only files of the working folder are removed, not ../x",
		"mashproxy proxy":         `line 1: mashproxy with ["proxy"] is not known here`,
		"vault status":            "line 1: vault status is not known here",
		"curl --insecure x":       "line 1: curl's --insecure is not known here",
		"cat <<A # 404: no\nA":    "line 1: status 0, want 404: ",
	} {
		if _, err := alone(t).run(block{text: text, line: 1}); err == nil || err.Error() != want {
			t.Errorf("%q: the error is %v, want %s", text, err, want)
		}
	}
}
