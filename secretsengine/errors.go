// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// noRole answers what needs a role that does not exist: 404, with words.
// Beside a response, ErrUnsupportedPath is what Vault makes a 404 of, in a
// plugin too, where error types get lost (sdk/logical/response_util.go).
func noRole(name string) (*logical.Response, error) {
	return logical.ErrorResponse("role %q does not exist; write roles/%s first", name, name), logical.ErrUnsupportedPath
}

// notCapable answers a request for an API the role has no credentials for.
func notCapable(r *role, api mashery.API) *logical.Response {
	needs := "area_id, api_key, secret, username and password"
	if api == mashery.V2 {
		needs = "area_nid, api_key and secret"
	}
	remedy := "write them to roles/" + r.Name
	if r.Imported {
		remedy = "ask for an export that holds them"
	}
	return logical.ErrorResponse("role is not capable of api version %d, which needs %s; %s", api, needs, remedy)
}

// checkTypes says which value of a request is of another type than its field.
// The SDK would say so, too, but repeat the value, which may be a credential.
func (b *backend) checkTypes(req *logical.Request) error {
	asked := []logical.Operation{logical.CreateOperation, logical.ReadOperation, logical.UpdateOperation, logical.DeleteOperation, logical.ListOperation}
	if len(req.Data) == 0 || !slices.Contains(asked, req.Operation) { // what Vault asks of leases brings their data
		return nil
	}
	path := b.Route(req.Path)
	if path == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(req.Data)) {
		field := path.Fields[name]
		if field == nil || strings.Contains(path.Pattern, "(?P<"+name+">") { // of two the path's value counts
			continue
		}
		d := framework.FieldData{Raw: req.Data, Schema: path.Fields}
		if _, _, err := d.GetOkErr(name); err != nil {
			return fmt.Errorf("%s must be %s", name, wanted(field.Type))
		}
	}
	return nil
}

// wanted are the values that a field of the type takes.
func wanted(t framework.FieldType) string {
	switch t {
	case framework.TypeBool:
		return "true or false"
	case framework.TypeInt, framework.TypeInt64:
		return "a whole number"
	case framework.TypeStringSlice, framework.TypeCommaStringSlice:
		return "a text or a list of texts"
	default:
		return "one text; no list and no object"
	}
}

// checkFields says what is wrong with the fields of a request that Vault would
// pass over: that the path does not have them, or that a number is not whole.
func checkFields(data map[string]any, known map[string]*framework.FieldSchema) error {
	var unknown []string
	for name, value := range data {
		switch field := known[name]; {
		case field == nil:
			unknown = append(unknown, fmt.Sprintf("%q", name))
		case (field.Type == framework.TypeInt || field.Type == framework.TypeInt64) && !whole(value):
			return fmt.Errorf("%s must be a whole number, and not beyond nine quadrillion", name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("there is no field %s here; the fields are %s",
		strings.Join(unknown, ", "), strings.Join(slices.Sorted(maps.Keys(known)), ", "))
}

// whole tells whether a number came as it was written. To a plugin numbers come
// as floats, of which the SDK would take what is before the point.
func whole(value any) bool {
	number, float := value.(float64)
	return !float || number == math.Trunc(number) && math.Abs(number) <= 9e15
}
