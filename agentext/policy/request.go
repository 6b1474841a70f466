// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/vault/sdk/logical"
)

// maxParameters bounds what a query may hold where it is looked at: net/url
// gives up on 10,000 without saying what it had read.
const maxParameters = 1000

// Request is a call to be decided, as Vault would have received it.
type Request struct {
	Method string // verb of the request, upper case
	Verb   string // verb that the path names, upper case; "" when it names none
	Mount  Mount
	Role   string
	Path   string // below the role, decoded, such as "proxy/v3/services"

	RawQuery string      // as received, without "?"
	Header   http.Header // as received
	Body     *Body       // nil when there is none
}

// operation and path are what Vault makes of the request (http/logical.go,
// buildLogicalRequestNoAuth), the path below the role.
func (req *Request) operation(reserved url.Values) (logical.Operation, string, error) {
	if i := strings.IndexFunc(req.Path, func(c rune) bool { return !unicode.IsPrint(c) }); i >= 0 {
		// go-cleanhttp's PrintablePathCheckHandler, which Vault's listeners have.
		return "", "", errors.New("the path holds a character that cannot be printed, which Vault refuses")
	}
	op, err := verbOperation(req.Method)
	if err != nil {
		return "", "", err
	}
	if list := reserved.Get("list"); list != "" && (req.Method == http.MethodGet || req.Method == http.MethodHead) {
		isList, err := strconv.ParseBool(list)
		if err != nil {
			return "", "", errors.New(`the query's "list" is neither true nor false, which Vault refuses`)
		}
		if isList {
			op = logical.ListOperation
		}
	}
	if op == logical.ListOperation && !strings.HasSuffix(req.Path, "/") {
		return op, req.Path + "/", nil
	}
	if op == logical.UpdateOperation && strings.HasSuffix(req.Path, "/") {
		return "", "", errors.New(`a write to a path that ends in "/" is not allowed at Vault: leave the slash out`)
	}
	return op, req.Path, nil
}

func verbOperation(verb string) (logical.Operation, error) {
	switch verb {
	case http.MethodGet, http.MethodHead:
		return logical.ReadOperation, nil
	case "LIST":
		return logical.ListOperation, nil
	case http.MethodPost, http.MethodPut:
		return logical.UpdateOperation, nil
	case http.MethodDelete:
		return logical.DeleteOperation, nil
	default:
		return "", fmt.Errorf("the verb %q has no meaning here", verb)
	}
}

// reserved is the query, as Vault reads it, if it may hold a name that means
// something to Vault: a pair that cannot be read is left out. It is nil if not.
func (req *Request) reserved() (url.Values, error) {
	named := strings.Contains(req.RawQuery, "list") || strings.Contains(req.RawQuery, "snapshot_id")
	if !named && !strings.Contains(req.RawQuery, "%") { // an escape may hide a name
		return nil, nil
	}
	if strings.Count(req.RawQuery, "&") >= maxParameters {
		return nil, fmt.Errorf("the query has more than %d parameters", maxParameters)
	}
	values, _ := url.ParseQuery(req.RawQuery)
	return values, nil
}

// leftToVault gives the cause for which Vault must decide this request, whatever
// the rules are; "" when there is none.
func (req *Request) leftToVault(reserved url.Values) Cause {
	for _, name := range []string{"X-Vault-Wrap-Ttl", "X-Vault-Mfa", "X-Vault-Policy-Override"} {
		if len(req.Header[name]) > 0 {
			return VaultHeader
		}
	}
	// Vault ignores each of these with some verbs; that is not worth knowing.
	if reserved.Has("read_snapshot_id") || reserved.Has("recover_snapshot_id") ||
		len(req.Header["X-Vault-Recover-Snapshot-Id"]) > 0 {
		return Snapshot
	}
	return ""
}

// v2 tells whether the call is one to the V2 API.
func (req *Request) v2() bool {
	return req.Path == "proxy/v2" || strings.HasPrefix(req.Path, "proxy/v2/")
}

// data is what Vault would hand its policies: of a write the body, otherwise
// the query. It refuses whatever could be read in another way elsewhere.
func (req *Request) data() (map[string]any, *Decision) {
	if req.Method == http.MethodPost || req.Method == http.MethodPut {
		return req.bodyData()
	}
	return req.queryData()
}

// queryData follows parseQuery (http/handler.go), but for "help": to Vault that
// asks for help with the path, here it is a parameter for Mashery like any other.
func (req *Request) queryData() (map[string]any, *Decision) {
	values, err := url.ParseQuery(req.RawQuery)
	if err != nil {
		return nil, badRequest(`a rule of the token's policies speaks of parameters, so the query must be well formed: escape ";" as %3B and "%" as %25`)
	}
	data := make(map[string]any, len(values))
	for name, list := range values {
		if len(list) == 1 {
			data[name] = list[0]
		} else {
			data[name] = list // never equal to anything a rule may hold, at Vault too
		}
	}
	return data, nil
}

// bodyData follows parseJSONRequest (http/handler.go), where it has one reading.
func (req *Request) bodyData() (map[string]any, *Decision) {
	const why = "a rule of the token's policies looks at the body, so it must be one JSON object of at most 1 MiB: "
	text, err := req.Body.Whole()
	switch {
	case errors.Is(err, ErrBodyTooLarge):
		return nil, &Decision{Verdict: TooLarge, Text: why + "it is longer"}
	case err != nil:
		return nil, badRequest("the body could not be read: " + err.Error())
	}
	if err := CheckEncoding(req.Header, text); err != nil {
		return nil, badRequest(why + err.Error())
	}
	if len(text) == 0 || len(bytes.Trim(text, " \t\r\n")) == 0 && !req.isForm() { // of a form, a space is a name
		return nil, nil
	}
	data, err := req.parse(text)
	if err != nil {
		return nil, badRequest(why + err.Error())
	}
	return data, nil
}

func (req *Request) parse(text []byte) (map[string]any, error) {
	if req.isForm() && (text[0] != '{' || bytes.ContainsAny(text, "&;")) {
		return nil, errors.New("it is sent as a form; send it with Content-Type: application/json")
	}
	if !req.v2() {
		return ParseObject(text)
	}
	envelope, err := ParseEnvelope(text)
	if err != nil {
		return nil, err
	}
	return envelope.Data, nil
}

// isForm tells whether somebody may take the body for a form. Vault takes one
// that starts with "{" for JSON (isForm, http/handler.go), as curl -d sends it,
// and one that starts with enough spaces for a form;
// read as a form, such a body holds no name that means anything unless there is
// a second pair in it.
func (req *Request) isForm() bool {
	for _, value := range req.Header["Content-Type"] {
		if strings.Contains(strings.ToLower(value), "form") {
			return true
		}
	}
	return false
}
