// SPDX-License-Identifier: MPL-2.0

package docs_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// reader reads a shell's commands one after the other, and expands each as it
// reads it: what it stands for may rest on the one before.
type reader struct {
	*shell
	text string
	line int // of the command that was read last, from 0
	at   int
}

var (
	assignment = regexp.MustCompile(`^([A-Za-z_]\w*)=`)
	variable   = regexp.MustCompile(`^(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})`)
)

// command reads the next command; nil at the end.
func (r *reader) command() (*command, error) {
	r.skip(" \t\n")
	for r.peek() == '#' {
		r.rest()
		r.skip(" \t\n")
	}
	if r.at == len(r.text) {
		return nil, nil
	}
	r.line = strings.Count(r.text[:r.at], "\n")
	c := &command{variables: make(map[string]string)}
	for delimiter := ""; ; {
		r.skip(" \t")
		if r.peek() == '#' {
			c.comment = strings.TrimSpace(strings.TrimLeft(r.rest(), "# "))
		}
		switch r.peek() {
		case 0, '\n':
			return c, r.here(c, delimiter)
		case '|':
			r.at++
			return c, r.pipe(c)
		}
		if err := r.part(c, &delimiter); err != nil {
			return nil, err
		}
	}
}

// pipe reads the command that takes what c prints.
func (r *reader) pipe(c *command) (err error) {
	line := r.line
	c.next, err = r.command()
	r.line = line
	if err == nil && c.next == nil {
		err = errors.New("nothing follows |")
	}
	return err
}

// part reads a word, or where input comes from or output goes to.
func (r *reader) part(c *command, delimiter *string) (err error) {
	switch rest := r.text[r.at:]; {
	case strings.HasPrefix(rest, "\\\n"):
		r.at += 2
	case strings.HasPrefix(rest, "<<"):
		r.at += 2
		*delimiter = strings.Fields(r.text[r.at:] + " ?")[0]
		r.at += len(*delimiter)
	case rest[0] == '>':
		r.at++
		r.skip(" ")
		c.into, err = r.word()
	case strings.ContainsRune("&;<()", rune(rest[0])):
		err = fmt.Errorf("%c is not understood here", rest[0])
	default:
		name := assignment.FindStringSubmatch(rest)
		var word string
		if word, err = r.word(); name != nil && len(c.words) == 0 {
			c.variables[name[1]] = strings.TrimPrefix(word, name[0])
		} else {
			c.words = append(c.words, word)
		}
	}
	return err
}

// here reads the lines that are the command's input, up to its delimiter.
func (r *reader) here(c *command, delimiter string) error {
	end := strings.Trim(delimiter, `'"`)
	if end == "" {
		return nil
	}
	_, text, _ := strings.Cut(r.text[r.at:], "\n")
	body, _, found := strings.Cut("\n"+text+"\n", "\n"+end+"\n")
	if !found {
		return fmt.Errorf("no line %s ends the text", end)
	}
	body = strings.TrimPrefix(body+"\n", "\n")
	r.at += min(len(r.text)-r.at, 1+len(body)+len(end))
	if end != delimiter {
		c.stdin = body
		return nil
	}
	inner := reader{shell: r.shell, text: body}
	var err error
	c.stdin, err = inner.until(0)
	return err
}

// word reads and expands one word.
func (r *reader) word() (string, error) {
	var word strings.Builder
	for {
		var part string
		var err error
		switch c := r.peek(); c {
		case 0, ' ', '\t', '\n', '|', '&', ';', '<', '>', '(', ')':
			return word.String(), nil
		case '\'':
			r.at++
			text, _, found := strings.Cut(r.text[r.at:], "'")
			if !found {
				return "", errors.New("' has no end")
			}
			part, r.at = text, r.at+len(text)+1
		case '"':
			r.at++
			part, err = r.until('"')
		case '$':
			part, err = r.expansion()
		case '\\':
			part = r.text[r.at+1 : min(r.at+2, len(r.text))]
			r.at += 1 + len(part)
		default:
			part, r.at = r.text[r.at:r.at+1], r.at+1
		}
		if err != nil {
			return "", err
		}
		word.WriteString(part)
	}
}

// until reads and expands a text up to the byte that ends it; 0 is the end of all.
func (r *reader) until(end byte) (string, error) {
	var text strings.Builder
	for {
		switch c := r.peek(); {
		case c == end:
			r.at++
			return text.String(), nil
		case c == 0:
			return "", fmt.Errorf("%c has no end", end)
		case c == '$':
			part, err := r.expansion()
			if err != nil {
				return "", err
			}
			text.WriteString(part)
		case c == '\\' && r.at+1 < len(r.text) && strings.IndexByte("\"\\$\n", r.text[r.at+1]) >= 0:
			if r.text[r.at+1] != '\n' {
				text.WriteByte(r.text[r.at+1])
			}
			r.at += 2
		default:
			text.WriteByte(c)
			r.at++
		}
	}
}

// expansion reads $name, ${name} or $(command); a lone $ is itself.
func (r *reader) expansion() (string, error) {
	r.at++
	if r.peek() == '(' {
		inside := r.parenthesis()
		r.at += len(inside) + 2
		done, err := r.run(block{text: inside})
		if err != nil {
			return "", err
		}
		return strings.TrimRight(done.text, "\n"), nil
	}
	found := variable.FindStringSubmatch(r.text[r.at:])
	if found == nil {
		return "$", nil
	}
	r.at += len(found[0])
	name := found[1] + found[2]
	value, ok := r.variables[name]
	if !ok {
		return "", fmt.Errorf("the variable %s is not set", name)
	}
	return value, nil
}

// parenthesis is what is between the one that is next and the one that ends it.
func (r *reader) parenthesis() string {
	depth := 0
	for i, c := range r.text[r.at:] {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return r.text[r.at+1 : r.at+i]
			}
		}
	}
	return r.text[r.at+1:]
}

func (r *reader) peek() byte {
	if r.at >= len(r.text) {
		return 0
	}
	return r.text[r.at]
}

func (r *reader) skip(these string) {
	for r.peek() != 0 && strings.IndexByte(these, r.peek()) >= 0 {
		r.at++
	}
}

// rest reads what is left of the line.
func (r *reader) rest() string {
	line, _, _ := strings.Cut(r.text[r.at:], "\n")
	r.at += len(line)
	return line
}
