// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// queryDate is V2's date format [V2 docs, resource pages].
const queryDate = "2006-01-02T15:04:05Z"

// numberColumn stands for the number V2 gives every object, which is no
// property of V3's.
const numberColumn = "#"

// columns are the simple fields of a kind in V2, which writes names_so: the V3
// property of each.
func (k *kind) columns() map[string]string {
	columns := map[string]string{"id": numberColumn}
	if k.keyed != "" {
		columns = map[string]string{k.keyed: "id"}
	}
	for _, property := range slices.Concat(k.implicit, k.explicit) {
		if property != "id" && !slices.Contains(k.structured, property) {
			columns[snake(property)] = property
		}
	}
	return columns
}

// snake turns qpsLimitCeiling into qps_limit_ceiling.
func snake(camel string) string {
	var b strings.Builder
	for _, r := range camel {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// column gives an object's value in a column.
func (o *object) column(property string) any {
	switch property {
	case numberColumn:
		return o.number
	case "created", "updated":
		at, err := time.Parse(dateFormat, text(o.props[property]))
		if err != nil {
			return nil
		}
		return at.UTC().Format(queryDate)
	}
	return o.props[property]
}

// run looks up the objects of a query. It wants the store held for reading.
func (q *objectQuery) run(s *store) (any, *rpcError) {
	k := s.schema.table(q.table)
	if k == nil {
		return nil, invalid("query", "there are no objects called "+q.table)
	}
	columns := k.columns()
	for _, name := range slices.Concat(q.fields, q.used) {
		if columns[name] == "" && name != "*" {
			return nil, invalid(name, "objects of type "+k.object+" have no such field")
		}
	}
	value := func(o *object) row { return func(name string) any { return o.column(columns[name]) } }
	var found []*object
	for _, o := range s.all[k.name] {
		if q.where == nil || q.where(value(o)) {
			found = append(found, o)
		}
	}
	slices.SortStableFunc(found, func(a, b *object) int { return q.compare(value(a), value(b)) })
	items := []map[string]any{}
	for _, o := range q.onPage(found) {
		items = append(items, q.item(o, columns))
	}
	return map[string]any{
		"items": items, "total_items": len(found), "items_per_page": q.items, "current_page": q.page,
		"total_pages": (len(found) + q.items - 1) / q.items,
	}, nil
}

func (q *objectQuery) compare(a, b row) int {
	for _, key := range q.order {
		n := compare(a(key.property), b(key.property))
		if key.descending {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return 0
}

func (q *objectQuery) onPage(found []*object) []*object {
	if q.page-1 > len(found)/q.items { // also keeps the product below from overflowing
		return nil
	}
	from := min((q.page-1)*q.items, len(found))
	return found[from:min(from+q.items, len(found))]
}

// item shows the selected fields; "*" are all simple ones and the type.
func (q *objectQuery) item(o *object, columns map[string]string) map[string]any {
	item := map[string]any{}
	for _, name := range q.fields {
		if name != "*" {
			item[name] = o.column(columns[name])
			continue
		}
		item["object_type"] = o.kind.object
		for column, property := range columns {
			item[column] = o.column(property)
		}
	}
	return item
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
