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
	} else if e.isSetAgainBy(item) {
		e.redefined = item // refused; the value stays the first one
		return
	}
	if len(item.Keys) > 1 {
		e.inner = append(e.inner, &ast.ObjectItem{Keys: item.Keys[1:], Assign: item.Assign, Val: item.Val})
		return
	}
	e.values = append(e.values, item.Val)
}

// isSetAgainBy tells a second value from one more block of the same name, and
// from one more piece of the same object: JSON's have their key in common, by
// identity.
func (e *entry) isSetAgainBy(item *ast.ObjectItem) bool {
	switch key := item.Keys[0]; {
	case !isObject(item.Val):
		return true
	case key.Token.JSON:
		return key != e.first.Keys[0]
	}
	return item.Assign.IsValid()
}

func isObject(n ast.Node) bool {
	_, ok := n.(*ast.ObjectType)
	return ok
}

// valuer makes values, and gathers the keys that are set twice in them.
type valuer struct {
	file  *File
	diags hcl.Diagnostics
}

// entry is an entry's value: a tuple when it has several.
func (v *valuer) entry(e *entry) (cty.Value, error) {
	var parts []cty.Value
	for _, node := range e.values {
		part, err := v.node(node)
		if err != nil {
			return cty.DynamicVal, err
		}
		parts = append(parts, part)
	}
	if len(e.inner) > 0 {
		part, err := v.object(e.inner)
		if err != nil {
			return cty.DynamicVal, err
		}
		parts = append(parts, part)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return cty.TupleVal(parts), nil
}

func (v *valuer) node(node ast.Node) (cty.Value, error) {
	switch n := node.(type) {
	case *ast.LiteralType:
		return literalValue(n.Token)
	case *ast.ListType:
		elems := make([]cty.Value, len(n.List))
		for i, elem := range n.List {
			value, err := v.node(elem)
			if err != nil {
				return cty.DynamicVal, err
			}
			elems[i] = value
		}
		return cty.TupleVal(elems), nil
	case *ast.ObjectType:
		return v.object(n.List.Items)
	default:
		return cty.DynamicVal, errLiteral
	}
}

func (v *valuer) object(items []*ast.ObjectItem) (cty.Value, error) {
	fields := newEntries()
	for _, item := range items {
		fields.add(Name(item.Keys[0]), item)
	}
	object := map[string]cty.Value{}
	for _, name := range fields.order {
		e := fields.byName[name]
		if e.redefined != nil {
			v.diags = v.diags.Append(Duplicate(name, v.file.ItemRange(e.redefined), v.file.ItemRange(e.first)))
		}
		value, err := v.entry(e)
		if err != nil {
			return cty.DynamicVal, err
		}
		object[name] = value
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
	v := valuer{file: e.file}
	value, err := v.entry(e.entry)
	if err != nil {
		return cty.DynamicVal, hcl.Diagnostics{problem("Value not readable", "A quote, an escape or a number in this value is not what HCL allows.", e.at)}
	}
	return value, v.diags
}

// Variables implements hcl.Expression.
func (e *expression) Variables() []hcl.Traversal { return nil }

// Range implements hcl.Expression.
func (e *expression) Range() hcl.Range { return e.at }

// StartRange implements hcl.Expression.
func (e *expression) StartRange() hcl.Range { return e.at }
