// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxItems is the default and the greatest number of objects on a page of
// object.query [V2 docs, object.query].
const maxItems = 100

// maxDepth bounds how deep brackets may nest.
const maxDepth = 50

// objectQuery is a query of V2 [V2 docs, Query Language]:
//
//	SELECT fields|* FROM type [WHERE condition] [ORDER BY field [DESC], …] [PAGE n] [ITEMS n]
//
// Conditions are =, <>, <, >, <=, >=, LIKE, NOT LIKE, IS NULL and IS NOT NULL
// with AND, OR and brackets; keywords are in any case.
type objectQuery struct {
	fields []string // "*" for all
	table  string
	where  condition // nil: all
	order  []sortKey
	page   int
	items  int
	used   []string // the fields that anything but SELECT names
}

// row gives a field's value; nil: it has none.
type row func(field string) any

type condition func(row) bool

// parseObjectQuery reads a query. Whether its fields exist is for run to say.
func parseObjectQuery(source string) (*objectQuery, error) {
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := &queryParser{tokens: tokens, query: objectQuery{page: 1, items: maxItems}}
	if err := p.parse(); err != nil {
		return nil, err
	}
	return &p.query, nil
}

type queryParser struct {
	tokens []queryToken
	query  objectQuery
	depth  int
}

func (p *queryParser) parse() (err error) {
	if err := p.expect("SELECT"); err != nil {
		return err
	}
	if p.query.fields, err = p.fieldList(); err != nil {
		return err
	}
	if err := p.expect("FROM"); err != nil {
		return err
	}
	if p.query.table, err = p.name("an object type"); err != nil {
		return err
	}
	if p.accept("WHERE") {
		if p.query.where, err = p.or(); err != nil {
			return err
		}
	}
	if p.accept("ORDER") {
		if err := p.orderBy(); err != nil {
			return err
		}
	}
	if p.accept("PAGE") {
		if p.query.page, err = p.positive(); err != nil {
			return err
		}
	}
	if p.accept("ITEMS") {
		if p.query.items, err = p.positive(); err != nil {
			return err
		}
		p.query.items = min(p.query.items, maxItems)
	}
	if len(p.tokens) > 0 {
		return fmt.Errorf("unexpected %s", p.peek())
	}
	return nil
}

func (p *queryParser) fieldList() ([]string, error) {
	var names []string
	for {
		if p.accept("*") {
			names = append(names, "*")
		} else if name, err := p.name("a field"); err == nil {
			names = append(names, name)
		} else {
			return nil, err
		}
		if !p.accept(",") {
			return names, nil
		}
	}
}

func (p *queryParser) orderBy() error {
	if err := p.expect("BY"); err != nil {
		return err
	}
	for {
		name, err := p.field()
		if err != nil {
			return err
		}
		descending := p.accept("DESC")
		if !descending {
			p.accept("ASC")
		}
		p.query.order = append(p.query.order, sortKey{name, descending})
		if !p.accept(",") {
			return nil
		}
	}
}

func (p *queryParser) or() (condition, error) {
	return p.chain("OR", p.and, func(parts []condition) condition {
		return func(r row) bool {
			return slices.ContainsFunc(parts, func(part condition) bool { return part(r) })
		}
	})
}

func (p *queryParser) and() (condition, error) {
	return p.chain("AND", p.term, func(parts []condition) condition {
		return func(r row) bool {
			return !slices.ContainsFunc(parts, func(part condition) bool { return !part(r) })
		}
	})
}

func (p *queryParser) chain(word string, part func() (condition, error), join func([]condition) condition) (condition, error) {
	var parts []condition
	for {
		c, err := part()
		if err != nil {
			return nil, err
		}
		parts = append(parts, c)
		if !p.accept(word) {
			return join(parts), nil
		}
	}
}

func (p *queryParser) term() (condition, error) {
	if !p.accept("(") {
		return p.comparison()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("more than %d brackets in each other", maxDepth)
	}
	defer func() { p.depth-- }()
	inner, err := p.or()
	if err != nil {
		return nil, err
	}
	return inner, p.expect(")")
}

func (p *queryParser) comparison() (condition, error) {
	field, err := p.field()
	if err != nil {
		return nil, err
	}
	if p.accept("IS") {
		wanted := !p.accept("NOT")
		return func(r row) bool { return (r(field) == nil) == wanted }, p.expect("NULL")
	}
	negated := p.accept("NOT")
	if p.accept("LIKE") {
		pattern, err := p.literal()
		return func(r row) bool {
			value := r(field)
			return value != nil && like(text(value), text(pattern)) != negated
		}, err
	}
	if negated {
		return nil, fmt.Errorf("expected LIKE after NOT, found %s", p.peek())
	}
	holds, err := p.operator()
	if err != nil {
		return nil, err
	}
	literal, err := p.literal()
	return func(r row) bool {
		value := r(field)
		return value != nil && literal != nil && holds(compare(value, literal))
	}, err
}

// operator reads an operator: what it says about the order of two values.
func (p *queryParser) operator() (func(int) bool, error) {
	for _, operator := range []struct {
		sign  string
		holds func(int) bool
	}{
		{"=", func(n int) bool { return n == 0 }},
		{"<>", func(n int) bool { return n != 0 }},
		{"<=", func(n int) bool { return n <= 0 }},
		{">=", func(n int) bool { return n >= 0 }},
		{"<", func(n int) bool { return n < 0 }},
		{">", func(n int) bool { return n > 0 }},
	} {
		if p.accept(operator.sign) {
			return operator.holds, nil
		}
	}
	return nil, fmt.Errorf("expected =, <>, <, >, <=, >=, LIKE or IS, found %s", p.peek())
}

func (p *queryParser) literal() (any, error) {
	found := p.peek()
	switch {
	case found.kind == textToken:
		p.tokens = p.tokens[1:]
		return found.text, nil
	case found.kind == numberToken:
		p.tokens = p.tokens[1:]
		return json.Number(found.text), nil
	case p.accept("TRUE"):
		return true, nil
	case p.accept("FALSE"):
		return false, nil
	case p.accept("NULL"):
		return nil, nil
	}
	return nil, fmt.Errorf("expected a value, found %s", found)
}

// field reads a field's name and notes that it must exist.
func (p *queryParser) field() (string, error) {
	name, err := p.name("a field")
	if err == nil {
		p.query.used = append(p.query.used, name)
	}
	return name, err
}

func (p *queryParser) name(what string) (string, error) {
	found := p.peek()
	if found.kind != nameToken {
		return "", fmt.Errorf("expected %s, found %s", what, found)
	}
	p.tokens = p.tokens[1:]
	return strings.ToLower(found.text), nil
}

func (p *queryParser) positive() (int, error) {
	found := p.peek()
	n, err := strconv.Atoi(found.text)
	if found.kind != numberToken || err != nil || n < 1 {
		return 0, fmt.Errorf("expected a number of at least 1, found %s", found)
	}
	p.tokens = p.tokens[1:]
	return n, nil
}

// accept takes the next token if it is that word or sign.
func (p *queryParser) accept(word string) bool {
	if found := p.peek(); found.kind == textToken || !strings.EqualFold(found.text, word) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *queryParser) expect(word string) error {
	if p.accept(word) {
		return nil
	}
	return fmt.Errorf("expected %s, found %s", word, p.peek())
}

// peek gives the next token; its zero value is the end.
func (p *queryParser) peek() queryToken {
	if len(p.tokens) == 0 {
		return queryToken{}
	}
	return p.tokens[0]
}
