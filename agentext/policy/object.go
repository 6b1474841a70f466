// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/helper/jsonutil"
)

// vaultLimits are those of Vault's listeners (http/handler.go, CustomMaxJSON…),
// but for the depth, of which Vault allows 300.
func vaultLimits() jsonutil.JSONLimits {
	return jsonutil.JSONLimits{
		MaxDepth:             100,
		MaxStringValueLength: 1 << 20, // bytes
		MaxObjectEntryCount:  10_000,
		MaxArrayElementCount: 10_000,
		MaxTokens:            500_000,
	}
}

// ParseObject reads a text that is one JSON object and has one reading only:
// valid UTF-8, no key twice at any level, nothing after it, nested at most 100
// deep, at most 10,000 entries in any object or array, and nothing else for
// which Vault would refuse it. Values are what encoding/json yields with
// UseNumber, as Vault reads them. The error says what is wrong with the text.
func ParseObject(text []byte) (map[string]any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not valid UTF-8")
	}
	// The scanner behind Valid is stricter than Decoder.Token is.
	if !json.Valid(text) {
		return nil, errors.New("it is not one JSON value")
	}
	size := int64(len(text)) // spares a larger buffer
	if _, err := jsonutil.VerifyMaxDepthStreaming(bytes.NewReader(text), vaultLimits(), &size); err != nil {
		return nil, fmt.Errorf("it is JSON that Vault refuses: %w", err)
	}
	p := objectParser{json.NewDecoder(bytes.NewReader(text))}
	p.UseNumber()
	if token, err := p.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	return p.object()
}

// objectParser walks the tokens of a text that is known to be valid JSON and
// not too deep.
type objectParser struct{ *json.Decoder }

func (p objectParser) object() (map[string]any, error) {
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
		if object[key], err = p.value(); err != nil {
			return nil, err
		}
	}
	_, err := p.Token() // the closing brace
	return object, err
}

func (p objectParser) array() ([]any, error) {
	array := []any{}
	for p.More() {
		value, err := p.value()
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	_, err := p.Token() // the closing bracket
	return array, err
}

func (p objectParser) value() (any, error) {
	token, err := p.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return p.object()
		}
		return p.array()
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
