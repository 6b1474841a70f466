// SPDX-License-Identifier: MPL-2.0

package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/hashicorp/go-secure-stdlib/parseutil"
	hclv1 "github.com/hashicorp/hcl"
	"github.com/hashicorp/hcl/hcl/ast"

	"mashproxy/agentext/config/hcl1"
)

// wrongType is the summary of a value that its key cannot take.
const wrongType = "Wrong type"

// valueType is what Vault's loader makes of a value.
type valueType struct {
	field reflect.Type // what HCL 1 decodes it into; nil: not known
	// meant is what the loader then parses it into, when field is any: many a
	// key may be written as a text too.
	meant reflect.Type
}

// typeOf reads the types of a field. One called XRaw is parsed into one called X.
func typeOf(t reflect.Type, field reflect.StructField) valueType {
	v := valueType{field: field.Type}
	if parsed, ok := t.FieldByName(strings.TrimSuffix(field.Name, "Raw")); ok && field.Type.Kind() == reflect.Interface {
		v.meant = parsed.Type
	}
	return v
}

// value reports a value that Vault's loader cannot take. It is asked only of
// files that the loader refuses, and lets all of their values be told at once.
func (k *keyChecker) value(it *ast.ObjectItem, v valueType) {
	if k.file.vaultErr == nil || v.field == nil || len(it.Keys) > 1 {
		return
	}
	if v.takes(it.Val) {
		return
	}
	k.error(k.file.tree.ValueRange(it), wrongType, fmt.Sprintf("%q must be %s.", hcl1.Name(it.Keys[0]), v.words()))
}

// takes lets HCL 1 and Vault's parsers try.
func (v valueType) takes(val ast.Node) (ok bool) {
	defer func() {
		if recover() != nil { // as in loadVault
			ok = false
		}
	}()
	into := reflect.New(v.field)
	if err := hclv1.DecodeObject(into.Interface(), val); err != nil {
		return false
	}
	var err error
	switch raw := into.Elem().Interface(); v.meant {
	case reflect.TypeFor[bool]():
		_, err = parseutil.ParseBool(raw)
	case reflect.TypeFor[time.Duration]():
		_, err = parseutil.ParseDurationSecond(raw)
	case reflect.TypeFor[int](), reflect.TypeFor[int64](), reflect.TypeFor[uint64]():
		_, err = parseutil.ParseInt(raw)
	}
	return err == nil
}

// words says what a person should write.
func (v valueType) words() string {
	t := v.field
	if v.meant != nil {
		t = v.meant
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return `a time like "30s", or a number of seconds`
	case t.Kind() == reflect.Bool || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String:
		return "a text in quotes"
	case t.Kind() == reflect.Slice:
		return `a list like ["…"]`
	default:
		return "a number"
	}
}
