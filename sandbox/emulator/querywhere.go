// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"fmt"
	"slices"
)

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
		return func(r row) bool { return (len(r(field)) == 0) == wanted }, p.expect("NULL")
	}
	negated := p.accept("NOT")
	if p.accept("LIKE") {
		pattern, err := p.literal()
		return func(r row) bool {
			return slices.ContainsFunc(r(field), func(value any) bool { return like(text(value), text(pattern)) != negated })
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
		return literal != nil && slices.ContainsFunc(r(field), func(value any) bool { return holds(compare(value, literal)) })
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
