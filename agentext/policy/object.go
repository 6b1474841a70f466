// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What a JSON object may hold. Vault (http/handler.go) stops at a depth of 300
// and at the same number of entries; nothing Mashery is sent comes near.
const (
	maxDepth   = 100
	maxEntries = 10_000
)

// ParseObject reads a text that is one JSON object and has one reading only:
// valid UTF-8, no key twice at any level, nothing after it, nested at most 100
// deep, at most 10,000 entries in any object or array. Values are what
// encoding/json yields with UseNumber, as Vault reads them. The error says what
// is wrong with the text and never quotes a value.
func ParseObject(text []byte) (map[string]any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not valid UTF-8")
	}
	// The scanner behind Valid is stricter than Decoder.Token is.
	if !json.Valid(text) {
		return nil, errors.New("it is not one JSON value")
	}
	p := objectParser{json.NewDecoder(bytes.NewReader(text))}
	p.UseNumber()
	if token, err := p.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	return p.object(1)
}

// objectParser walks the tokens of a text that is known to be valid JSON.
type objectParser struct{ *json.Decoder }

func (p objectParser) object(depth int) (map[string]any, error) {
	object := map[string]any{}
	for p.More() {
		token, err := p.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string)
		if err := oneReading(key); err != nil {
			return nil, err
		}
		if _, ok := object[key]; ok {
			return nil, fmt.Errorf("the key %q occurs twice in one object", key)
		}
		if object[key], err = p.value(depth); err != nil {
			return nil, err
		}
		if len(object) > maxEntries {
			return nil, fmt.Errorf("an object in it has more than %d entries", maxEntries)
		}
	}
	_, err := p.Token() // the closing brace
	return object, err
}

func (p objectParser) array(depth int) ([]any, error) {
	array := []any{}
	for p.More() {
		value, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		if array = append(array, value); len(array) > maxEntries {
			return nil, fmt.Errorf("an array in it has more than %d elements", maxEntries)
		}
	}
	_, err := p.Token() // the closing bracket
	return array, err
}

func (p objectParser) value(depth int) (any, error) {
	token, err := p.Token()
	if err != nil {
		return nil, err
	}
	if depth >= maxDepth && (token == json.Delim('{') || token == json.Delim('[')) {
		return nil, fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case string:
		return token, oneReading(token)
	default:
		return token, nil
	}
}

// oneReading refuses the replacement character: it is what half a surrogate
// pair becomes here, and who knows what elsewhere.
func oneReading(text string) error {
	if strings.ContainsRune(text, utf8.RuneError) {
		return errors.New("it holds half a surrogate pair or the character U+FFFD")
	}
	return nil
}
