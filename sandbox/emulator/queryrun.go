// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"slices"
	"strings"
	"time"
)

// queryDate is V2's date format [V2 docs, resource pages].
const queryDate = "2006-01-02T15:04:05Z"

// maxPath bounds how far a field may go from object to object: those relations
// lead in circles.
const maxPath = 4

// column gives an object's value in a column; nil: it has none.
func (o *object) column(property string) any {
	if property == numberColumn {
		return o.number
	}
	value, _ := o.value(property)
	date, isText := value.(string)
	if !isText || len(date) != len(dateFormat) {
		return value
	}
	at, err := time.Parse(dateFormat, date)
	if err != nil {
		return value
	}
	return at.UTC().Format(queryDate)
}

// has tells whether objects of a type have that field, or one that leads there.
func (k *kind) has(t rpcType, path []string) bool {
	r, related := k.relations[path[0]]
	switch {
	case len(path) > maxPath:
		return false
	case len(path) == 1:
		return path[0] == "*" || related || k.columns(t)[path[0]] != ""
	}
	return related && r.kind.has(r.typ, path[1:])
}

// rpcValues gives all values of a field; what has none gives none. A related
// object's value is its number.
func (o *object) rpcValues(t rpcType, path []string) []any {
	var found []any
	if len(path) == 1 {
		if value := o.column(o.kind.columns(t)[path[0]]); value != nil {
			return []any{value}
		}
		for _, other := range o.reach(path) {
			found = append(found, other.number)
		}
		return found
	}
	r := o.kind.relations[path[0]]
	for _, other := range r.find(o) {
		found = append(found, other.rpcValues(r.typ, path[1:])...)
	}
	return found
}

// reach gives the objects at a path of relations.
func (o *object) reach(path []string) []*object {
	if len(path) == 0 {
		return []*object{o}
	}
	r, related := o.kind.relations[path[0]]
	if !related {
		return nil
	}
	var found []*object
	for _, other := range r.find(o) {
		found = append(found, other.reach(path[1:])...)
	}
	return found
}

// run looks up the objects of a query. It wants the store held for reading.
func (q *objectQuery) run(s *store) (*resultPage, *rpcError) {
	k, t := s.schema.table(q.table)
	if k == nil {
		return nil, invalid("query", "there are no objects called "+q.table)
	}
	for _, name := range slices.Concat(q.fields, q.used) {
		if !k.has(t, strings.Split(name, ".")) {
			return nil, invalid(name, "objects of type "+t.name+" have no such field")
		}
	}
	for _, needed := range q.related {
		if k.typeAt(t, strings.Split(needed.name, ".")).name == "" {
			return nil, invalid(needed.name, "objects of type "+t.name+" have no such related objects")
		}
	}
	var found []*object
	for _, o := range s.all[k.name] {
		if q.keeps(o, t) {
			found = append(found, o)
		}
	}
	slices.SortStableFunc(found, func(a, b *object) int { return q.compare(a.row(t), b.row(t)) })
	page := &resultPage{
		Items: []map[string]any{}, TotalItems: len(found), ItemsPerPage: q.items, CurrentPage: q.page,
		TotalPages: (len(found) + q.items - 1) / q.items,
	}
	named := parseFields(q.fields)
	for _, o := range q.onPage(found) {
		page.Items = append(page.Items, o.rpcView(t, named))
	}
	return page, nil
}

// resultPage is a page of objects [V2 docs, object.query].
type resultPage struct {
	CurrentPage  int              `json:"current_page"`
	Items        []map[string]any `json:"items"`
	ItemsPerPage int              `json:"items_per_page"`
	TotalItems   any              `json:"total_items"` // a number or, on demand, a text
	TotalPages   int              `json:"total_pages"`
}

func (o *object) row(t rpcType) row {
	return func(field string) []any {
		if property := o.kind.columns(t)[field]; property != "" { // the quick way of most
			if value := o.column(property); value != nil {
				return []any{value}
			}
			return nil
		}
		return o.rpcValues(t, strings.Split(field, "."))
	}
}

func (q *objectQuery) keeps(o *object, t rpcType) bool {
	if q.where != nil && !q.where(o.row(t)) {
		return false
	}
	for _, needed := range q.related {
		path := strings.Split(needed.name, ".")
		typ := o.kind.typeAt(t, path)
		holds := func(other *object) bool { return needed.with == nil || needed.with(other.row(typ)) }
		if !slices.ContainsFunc(o.reach(path), holds) {
			return false
		}
	}
	return true
}

// typeAt is the type of the objects at a path of relations.
func (k *kind) typeAt(t rpcType, path []string) rpcType {
	for _, name := range path {
		r := k.relations[name]
		k, t = r.kind, r.typ
		if k == nil {
			return rpcType{}
		}
	}
	return t
}

func (q *objectQuery) compare(a, b row) int {
	for _, key := range q.order {
		n := compare(firstValue(a(key.property)), firstValue(b(key.property)))
		if key.descending {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return 0
}

func firstValue(values []any) any {
	if len(values) == 0 {
		return nil
	}
	return values[0]
}

func (q *objectQuery) onPage(found []*object) []*object {
	if q.page-1 > len(found)/q.items { // also keeps the product below from overflowing
		return nil
	}
	from := min((q.page-1)*q.items, len(found))
	return found[from:min(from+q.items, len(found))]
}

// rpcView shows an object as V2 does: the fields that were named. "*" are all
// simple ones and the type; a related object that is named alone is all of it.
func (o *object) rpcView(t rpcType, named fields) map[string]any {
	shown := map[string]any{}
	columns := o.kind.columns(t)
	if len(named) == 0 {
		named = fields{"*": nil}
	}
	for name, inner := range named {
		r, related := o.kind.relations[name]
		switch {
		case name == "*":
			o.viewSimple(t, shown)
		case columns[name] != "" && len(inner) == 0:
			shown[name] = o.column(columns[name])
		case related && r.many:
			shown[name] = rpcViews(r.find(o), r.typ, inner)
		case related:
			shown[name] = nil
			if one := firstOf(r.find(o)); one != nil {
				shown[name] = one.rpcView(r.typ, inner)
			}
		}
	}
	return shown
}

// viewSimple shows all simple fields, and those an object has beyond its kind's.
func (o *object) viewSimple(t rpcType, shown map[string]any) {
	shown["object_type"] = t.name
	for column, property := range o.kind.columns(t) {
		shown[column] = o.column(property)
	}
	for property, value := range o.props {
		if o.kind.extended && !o.kind.knows(property) {
			shown[snake(property)] = value
		}
	}
}

func rpcViews(objects []*object, t rpcType, named fields) []map[string]any {
	shown := make([]map[string]any, len(objects))
	for i, o := range objects {
		shown[i] = o.rpcView(t, named)
	}
	return shown
}

// like matches SQL's patterns regardless of case: % is any text, _ one letter.
func like(value, pattern string) bool {
	v, p := []rune(strings.ToLower(value)), []rune(strings.ToLower(pattern))
	i, j, star, mark := 0, 0, -1, 0
	for i < len(v) {
		switch {
		case j < len(p) && p[j] == '%':
			star, mark = j, i
			j++
		case j < len(p) && (p[j] == '_' || p[j] == v[i]):
			i++
			j++
		case star >= 0: // let the last % take one letter more
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(p) && p[j] == '%' {
		j++
	}
	return j == len(p)
}
