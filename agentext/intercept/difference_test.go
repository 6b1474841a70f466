// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// compare tells what is wrong with the handler's answer; "" if it is Vault's or
// explained.
func (c *judgedCase) compare(q question, here answered, text string) string {
	switch here {
	case served:
		return c.compareServed(q.atVault())
	case denied:
		return c.compareDenied(q.atVault())
	case unread:
		return c.compareUnread(q.atVault(), text)
	case left:
		return ""
	default:
		return "an answer that nobody expects"
	}
}

// atVault is the question Vault is asked instead, where it has another meaning
// there: HEAD as GET, a verb in lower case as the verb, and "help", for which
// Vault answers its help, under a name that no rule speaks of either.
func (q question) atVault() question {
	q.method = strings.ToUpper(q.method)
	if q.method == "HEAD" {
		q.method = "GET"
	}
	q.target = strings.Replace(q.target, "&help=1", "&halp=1", 1)
	return q
}

// compareServed wants Vault to allow what was served.
func (c *judgedCase) compareServed(q question) string {
	token := c.token
	if q.v2() { // where create counts as update
		token = c.lenient
	}
	there := c.vault(token, q)
	if there == unread && q.body != "" && c.explainedByBody(token, q) {
		return ""
	}
	if there != served && there != absent {
		return fmt.Sprintf("served, but Vault says %s", there)
	}
	if named := q; namesDelete(q) && q.writes() {
		named.method, named.body = "DELETE", ""
		if c.vault(c.token, named) == denied {
			return "served, but Vault does not allow the verb that the path names"
		}
	}
	return ""
}

// explainedByBody tells whether Vault cannot parse the body, but no rule looks
// at it: bodies that any rule on parameters would refuse are allowed. A body
// that is no write's is neither looked at nor sent.
func (c *judgedCase) explainedByBody(token string, q question) bool {
	if !q.writes() {
		q.body = ""
		return c.vault(token, q) == served
	}
	q.header = []string{"Content-Type: application/json"}
	for _, value := range []string{`"a"`, `["a","b"]`, `"b"`, `""`, `true`, `"x.query"`, `"true"`} {
		q.body = fmt.Sprintf(`{"name": %[1]s, "qps": %[1]s, "filter": %[1]s, "list": %[1]s, "method": %[1]s, "lease": %[1]s}`, value)
		if c.vault(token, q) != served {
			return false
		}
	}
	q.body = "{}"
	return c.vault(token, q) == served
}

// namesDelete tells whether the path names the verb DELETE, in letters of either
// case.
func namesDelete(q question) bool {
	path, _, _ := strings.Cut(q.target, "?")
	_, before, _ := strings.Cut(path, "/proxy/v3-method/")
	before, _, _ = strings.Cut(before, "/")
	after := path[strings.LastIndex(path, "-")+1:]
	return strings.EqualFold(before, "delete") || strings.HasSuffix(path, ";target-method-"+after) && strings.EqualFold(after, "delete") && !q.v2()
}

// compareDenied wants Vault to refuse what was denied, or one of the two rules
// that are stricter here to speak.
func (c *judgedCase) compareDenied(q question) string {
	there := c.vault(c.token, q)
	if there != served {
		return ""
	}
	if named := q; namesDelete(q) && q.writes() {
		named.method, named.body = "DELETE", ""
		if c.vault(c.token, named) == denied {
			return ""
		}
	}
	if q.v2() && c.deniesMethod(q) {
		return ""
	}
	return "denied, but Vault allows it"
}

func methodOf(body string) string {
	var envelope struct {
		Method string `json:"method"`
	}
	_ = json.Unmarshal([]byte(body), &envelope)
	return envelope.Method
}

// deniesMethod tells whether Vault allows nothing at all for a V2 method by name,
// as it is spelt or in small letters, in which all rules are written.
func (c *judgedCase) deniesMethod(q question) bool {
	path, method, named := strings.Cut(strings.TrimPrefix(q.target, "/v1/"), "/proxy/v2/")
	if !named {
		path, method = strings.TrimSuffix(path, "/proxy/v2"), methodOf(q.body)
	}
	if method == "" {
		return false
	}
	paths := []string{path + "/proxy/v2/" + method, path + "/proxy/v2/" + strings.ToLower(method)}
	answer, err := c.client(c.t, c.token).Logical().Write("sys/capabilities-self", map[string]any{"paths": paths})
	if err != nil {
		c.t.Fatal(err)
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		capabilities, _ := answer.Data[path].([]any)
		return slices.Equal(capabilities, []any{"deny"})
	})
}

// compareUnread wants a reason for refusing what Vault would have taken.
func (c *judgedCase) compareUnread(q question, text string) string {
	known := slices.ContainsFunc(readHereOnly, func(reason string) bool { return strings.Contains(text, reason) })
	if !known && c.vault(c.token, q) == served {
		return "refused, but Vault takes it for a call"
	}
	return ""
}

// readHereOnly are the reasons, all in docs/security.md, for which a request is
// refused here only: what it is, or where a rule looks at it.
var readHereOnly = []string{
	// The path has more than one reading, or is none of a call.
	"the path holds", "nothing before the V3 path may be escaped", "must be written without escapes",
	"cannot be the name of a role", "the path must be proxy/v2", "must be followed by", "must follow a V3 path",
	// The verb does not fit the path.
	"is not possible on this path", "names the verb twice", "is not a verb of Mashery's", "is for POST, PUT and DELETE",
	// V2 needs one envelope, and nothing beside.
	"a V2 call has no query", "must be one JSON-RPC envelope", "the path names the method", "leave the method out of the path",
	// A rule looks at what has more than one reading.
	"looks at the body", "speaks of parameters", "denies single V2 methods",
}
