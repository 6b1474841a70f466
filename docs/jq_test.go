// SPDX-License-Identifier: MPL-2.0

package docs_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// step is one of a path such as .data.keys[0] or .items[].
var step = regexp.MustCompile(`^(?:\.?\[(\d*)\]|\.(\w+)|\.$)`)

// jq follows a path in the JSON of its input.
func jq(args []string, stdin string) (*outcome, error) {
	plain := len(args) > 0 && args[0] == "-r"
	if plain {
		args = args[1:]
	}
	if len(args) != 1 {
		return nil, fmt.Errorf("jq with %q is not known here", args)
	}
	var input any
	if err := json.Unmarshal([]byte(stdin), &input); err != nil {
		return nil, err
	}
	values := []any{input}
	for path := args[0]; path != ""; {
		found := step.FindStringSubmatch(path)
		if found == nil {
			return nil, fmt.Errorf("jq's %s is not known here", path)
		}
		path = path[len(found[0]):]
		var next []any
		for _, value := range values {
			next = append(next, inside(value, found[2], found[1], strings.HasSuffix(found[0], "]"))...)
		}
		values = next
	}
	return printed(values, plain)
}

// inside are the values one step further; none where there is no such.
func inside(value any, name, index string, bracket bool) (all []any) {
	switch value := value.(type) {
	case map[string]any:
		if one, ok := value[name]; ok {
			return []any{one}
		}
		for _, one := range value {
			if bracket && index == "" {
				all = append(all, one)
			}
		}
	case []any:
		if at, err := strconv.Atoi(index); err == nil && at < len(value) {
			return value[at : at+1]
		}
		if bracket && index == "" {
			return value
		}
	}
	return all
}

func printed(values []any, plain bool) (*outcome, error) {
	if len(values) == 0 {
		return nil, fmt.Errorf("jq finds nothing there")
	}
	done := &outcome{value: values[0]}
	for _, value := range values {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if text, ok := value.(string); ok && plain {
			raw = []byte(text)
		}
		done.text += string(raw) + "\n"
	}
	return done, nil
}
