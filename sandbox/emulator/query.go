// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"encoding/json"
	"fmt"
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
//	SELECT fields|* FROM type [WHERE condition] [REQUIRE RELATED objects [WITH condition]]…
//	[ORDER BY field [DESC], …] [PAGE n] [ITEMS n]
//
// Conditions are =, <>, <, >, <=, >=, LIKE, NOT LIKE, IS NULL and IS NOT NULL
// with AND, OR and brackets; keywords are in any case. A field may be that of a
// related object, "member.username"; where there are several of those, one that
// meets the condition is enough.
type objectQuery struct {
	fields []string // "*" for all
	table  string
	where  condition // nil: all
	// related objects of which at least one must be there
	related []requirement
	order   []sortKey
	page    int
	items   int
	used    []string // the fields that anything but SELECT names
}

// requirement is that there are related objects of that name which meet a
// condition (nil: any do). The condition's fields are theirs.
type requirement struct {
	name string
	with condition
}

// row gives a field's values; none: it has none.
type row func(field string) []any

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
	scope  string // of the fields being read: "" or "member."
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
	for p.accept("REQUIRE") {
		if err := p.requireRelated(); err != nil {
			return err
		}
	}
	if p.accept("ORDER") {
		if err := p.orderBy(); err != nil {
			return err
		}
	}
	if err := p.paging(); err != nil {
		return err
	}
	if len(p.tokens) > 0 {
		return fmt.Errorf("unexpected %s", p.peek())
	}
	return nil
}

// paging reads PAGE and ITEMS, in either order (chosen).
func (p *queryParser) paging() (err error) {
	for range 2 {
		switch {
		case p.accept("PAGE"):
			p.query.page, err = p.positive()
		case p.accept("ITEMS"):
			p.query.items, err = p.positive()
			p.query.items = min(p.query.items, maxItems)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *queryParser) fieldList() ([]string, error) {
	var names []string
	for {
		if p.accept("*") {
			names = append(names, "*")
		} else if name, err := p.name("a field"); err == nil {
			if strings.HasSuffix(name, ".") && p.accept("*") {
				name += "*"
			}
			names = append(names, name)
		} else {
			return nil, err
		}
		if !p.accept(",") {
			return names, nil
		}
	}
}

func (p *queryParser) requireRelated() error {
	if err := p.expect("RELATED"); err != nil {
		return err
	}
	name, err := p.field()
	if err != nil {
		return err
	}
	needed := requirement{name: name}
	if p.accept("WITH") {
		p.scope = name + "."
		needed.with, err = p.or()
		p.scope = ""
	}
	p.query.related = append(p.query.related, needed)
	return err
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
		p.query.used = append(p.query.used, p.scope+name)
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
