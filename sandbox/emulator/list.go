// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// defaultLimit is how many objects a list has that names no limit
// [V3 docs, Pagination].
const defaultLimit = 100

// listQuery is the query of a list. Parameters that nobody knows are ignored.
type listQuery struct {
	offset, limit int
	named         fields
	filters       []filter
	sort          []sortKey
}

// filter keeps objects of which a value at path contains text or, where there is
// an operator, is a date on that side of at.
type filter struct {
	path     []string
	text     string
	operator string
	at       time.Time
}

type sortKey struct {
	property   string
	descending bool
}

// parseList reads the query of a list of kind k.
func parseList(raw string, k *kind) (listQuery, []problem) {
	params, problems := parseQuery(raw)
	q := listQuery{
		named:   parseFields(params["fields"]),
		filters: parseFilters(params["filter"], k),
	}
	problems = append(problems, parseDates(q.filters)...)
	for _, number := range []struct {
		name     string
		into     *int
		fallback int
	}{{"offset", &q.offset, 0}, {"limit", &q.limit, defaultLimit}} {
		var err error
		*number.into = number.fallback
		if given := first(params[number.name]); given != "" {
			*number.into, err = strconv.Atoi(given)
		}
		if err != nil || *number.into < 0 {
			problems = append(problems, problem{number.name, fmt.Sprintf("Parameter '%s' is not a number of objects.", number.name), wrong})
		}
	}
	var unsortable []problem
	q.sort, unsortable = parseSort(params["sort"], k)
	return q, append(problems, unsortable...)
}

// parseQuery reads a query leniently: unlike Go's, a semicolon is text.
func parseQuery(raw string) (url.Values, []problem) {
	params := url.Values{}
	var problems []problem
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err != nil || err2 != nil {
			problems = append(problems, problem{name, "The query holds an invalid escape.", wrong})
			continue
		}
		params.Add(name, value)
	}
	return params, problems
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// parseFilters reads `<property>:<text>`, repeated (as documented) or joined by
// commas (as Terraform's provider does). What follows a comma is a condition
// only if it begins with a property of k; else the comma belongs to the text.
func parseFilters(lists []string, k *kind) []filter {
	var filters []filter
	for _, list := range lists {
		began := len(filters)
		for part := range strings.SplitSeq(list, ",") {
			property, text, found := strings.Cut(part, ":")
			path := strings.Split(property, ".")
			switch {
			case len(filters) > began && (!found || !k.knows(path[0]) && k.nested[path[0]] == nil):
				filters[len(filters)-1].text += "," + part
			case found || part != "":
				filters = append(filters, filter{path: path, text: text})
			}
		}
	}
	return filters
}

// parseSort reads `prop`, `prop:asc` and `prop:desc`, root properties only.
func parseSort(lists []string, k *kind) ([]sortKey, []problem) {
	var keys []sortKey
	var problems []problem
	for _, list := range lists {
		for part := range strings.SplitSeq(list, ",") {
			property, direction, given := strings.Cut(strings.TrimSpace(part), ":")
			switch {
			case part == "":
			case !k.knows(property) && !k.extended,
				given && direction != "asc" && direction != "desc":
				problems = append(problems, problem{"sort", fmt.Sprintf("Cannot sort by '%s'.", part), wrong})
			default:
				keys = append(keys, sortKey{property, direction == "desc"})
			}
		}
	}
	return keys, problems
}

// page applies q: the objects of the page, and how many there are without paging.
func (q listQuery) page(objects []*object) ([]*object, int) {
	if len(q.filters) > 0 {
		objects = slices.DeleteFunc(slices.Clone(objects), func(o *object) bool { return !q.keeps(o) })
	}
	if len(q.sort) > 0 {
		objects = slices.SortedStableFunc(slices.Values(objects), q.order)
	}
	total := len(objects)
	from := min(q.offset, total)
	return objects[from:][:min(q.limit, total-from)], total
}

func (q listQuery) keeps(o *object) bool {
	for _, f := range q.filters {
		if !slices.ContainsFunc(o.values(f.path), f.holds) {
			return false
		}
	}
	return true
}

func (q listQuery) order(a, b *object) int {
	for _, key := range q.sort {
		n := compare(a.props[key.property], b.props[key.property])
		if key.descending {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return 0
}
