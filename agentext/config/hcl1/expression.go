// SPDX-License-Identifier: MPL-2.0

package hcl1

import (
	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// entry is what one name holds: usually one value; several when it is written
// as repeated blocks; and items of its own when HCL 1's reading of JSON has
// drawn keys of inner objects up.
type entry struct {
	first     *ast.ObjectItem
	redefined *ast.ObjectItem // the second plain value, nil when there is none
	values    []ast.Node
	inner     []*ast.ObjectItem
}

// entries holds names in the order of the file.
type entries struct {
	order  []string
	byName map[string]*entry
}

func newEntries() *entries { return &entries{byName: map[string]*entry{}} }

func (es *entries) add(name string, item *ast.ObjectItem) {
	e := es.byName[name]
	if e == nil {
		e = &entry{first: item}
		es.byName[name] = e
		es.order = append(es.order, name)
	} else if !isObject(item.Val) {
		e.redefined = item // refused; the value stays the first one
		return
	}
	if len(item.Keys) > 1 {
		e.inner = append(e.inner, &ast.ObjectItem{Keys: item.Keys[1:], Assign: item.Assign, Val: item.Val})
		return
	}
	e.values = append(e.values, item.Val)
}

func isObject(n ast.Node) bool {
	_, ok := n.(*ast.ObjectType)
	return ok
}

// value is the entry's value: a tuple when it has several.
func (e *entry) value() (cty.Value, error) {
	var parts []cty.Value
	for _, node := range e.values {
		v, err := nodeValue(node)
		if err != nil {
			return cty.DynamicVal, err
		}
		parts = append(parts, v)
	}
	if len(e.inner) > 0 {
		v, err := objectValue(e.inner)
		if err != nil {
			return cty.DynamicVal, err
		}
		parts = append(parts, v)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return cty.TupleVal(parts), nil
}

func nodeValue(node ast.Node) (cty.Value, error) {
	switch n := node.(type) {
	case *ast.LiteralType:
		return literalValue(n.Token)
	case *ast.ListType:
		elems := make([]cty.Value, len(n.List))
		for i, elem := range n.List {
			v, err := nodeValue(elem)
			if err != nil {
				return cty.DynamicVal, err
			}
			elems[i] = v
		}
		return cty.TupleVal(elems), nil
	case *ast.ObjectType:
		return objectValue(n.List.Items)
	default:
		return cty.DynamicVal, errLiteral
	}
}

func objectValue(items []*ast.ObjectItem) (cty.Value, error) {
	fields := newEntries()
	for _, item := range items {
		fields.add(Name(item.Keys[0]), item)
	}
	object := map[string]cty.Value{}
	for name, e := range fields.byName {
		v, err := e.value()
		if err != nil {
			return cty.DynamicVal, err
		}
		object[name] = v
	}
	return cty.ObjectVal(object), nil
}

// expression is an hcl.Expression over an entry. All of HCL 1 is constant.
type expression struct {
	file  *File
	entry *entry
	at    hcl.Range
}

var _ hcl.Expression = (*expression)(nil)

// Value implements hcl.Expression.
func (e *expression) Value(*hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, err := e.entry.value()
	if err != nil {
		return cty.DynamicVal, hcl.Diagnostics{problem("Value not readable", "A quote, an escape or a number in this value is not what HCL allows.", e.at)}
	}
	return v, nil
}

// Variables implements hcl.Expression.
func (e *expression) Variables() []hcl.Traversal { return nil }

// Range implements hcl.Expression.
func (e *expression) Range() hcl.Range { return e.at }

// StartRange implements hcl.Expression.
func (e *expression) StartRange() hcl.Range { return e.at }
