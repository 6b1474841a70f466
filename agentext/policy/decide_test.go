// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"mashproxy/agentext/apierror"
)

// answer is one of sys/internal/ui/resultant-acl: the rules of both maps in
// JSON, by path.
type answer struct {
	exact, glob map[string]string
}

func (a answer) text() string {
	object := func(rules map[string]string) string {
		var list []string
		for path, rule := range rules {
			list = append(list, fmt.Sprintf("%q: %s", path, rule))
		}
		return "{" + strings.Join(list, ",") + "}"
	}
	return fmt.Sprintf(`{"root": false, "chroot_namespace": "", "exact_paths": %s, "glob_paths": %s}`, object(a.exact), object(a.glob))
}

const (
	everything = `{"capabilities": ["create", "delete", "list", "read", "sudo", "update"]}`
	readOnly   = `{"capabilities": ["read"]}`
	deny       = `{"capabilities": ["deny"]}`
)

// rulesOf are the rules of the given map, with the grants readable.
func rulesOf(t testing.TB, rules map[string]string) *Rules {
	t.Helper()
	a := answer{exact: map[string]string{}, glob: map[string]string{"mash-creds/roles/+/grant": readOnly}}
	for path, rule := range rules {
		if key := globKey(path); key.shape == segments {
			a.glob[path] = rule
		} else if text, ok := strings.CutSuffix(path, "*"); ok {
			a.glob[text] = rule
		} else {
			a.exact[path] = rule
		}
	}
	r := newRules(answerOf(t, a.text()), []Mount{{Path: demoMount}}, "")
	if r.cause != "" {
		t.Fatalf("%s: %s", r.cause, r.detail)
	}
	return r
}

// request is a call to role demo in short: "GET proxy/v3/services?limit=1", and
// perhaps a body.
func request(line string, body ...string) *Request {
	method, target, _ := strings.Cut(line, " ")
	path, query, _ := strings.Cut(target, "?")
	req := &Request{Method: method, Mount: Mount{Path: demoMount}, Role: "demo", Path: path, RawQuery: query, Header: http.Header{}}
	if len(body) > 0 {
		req.Body = NewBody(strings.NewReader(body[0]))
	}
	return req
}

func TestCapabilities(t *testing.T) {
	services := "mash-creds/roles/demo/proxy/v3/services"
	only := func(capability string) map[string]string {
		return map[string]string{services: `{"capabilities": ["` + capability + `"]}`}
	}
	tests := map[string]struct {
		rules      map[string]string
		line       string
		verdict    Verdict
		path       string
		capability string
	}{
		"GET needs read":                         {only("read"), "GET proxy/v3/services", Allowed, "", ""},
		"GET is refused without read":            {only("list"), "GET proxy/v3/services", Denied, services, "read"},
		"HEAD needs read, like GET":              {only("read"), "HEAD proxy/v3/services", Allowed, "", ""},
		"HEAD is refused without read":           {only("update"), "HEAD proxy/v3/services", Denied, services, "read"},
		"HEAD of a list needs list, like GET":    {only("list"), "HEAD proxy/v3/services?list=true", Allowed, "", ""},
		"LIST needs list":                        {only("list"), "LIST proxy/v3/services", Allowed, "", ""},
		"LIST is refused without list":           {only("read"), "LIST proxy/v3/services", Denied, services + "/", "list"},
		"GET with a true list is a LIST":         {only("list"), "GET proxy/v3/services?list=T", Allowed, "", ""},
		"an escaped list is seen":                {only("read"), "GET proxy/v3/services?%6cist=1", Denied, services + "/", "list"},
		"a list behind a broken pair is seen":    {only("read"), "GET proxy/v3/services?a;b&list=true", Denied, services + "/", "list"},
		"the first list counts":                  {only("read"), "GET proxy/v3/services?list=0&list=1", Allowed, "", ""},
		"an empty list means nothing":            {only("read"), "GET proxy/v3/services?list=", Allowed, "", ""},
		"list means nothing to other verbs":      {only("delete"), "DELETE proxy/v3/services?list=true", Allowed, "", ""},
		"POST needs update":                      {only("update"), "POST proxy/v3/services", Allowed, "", ""},
		"create does not count on proxy/v3":      {only("create"), "POST proxy/v3/services", Denied, services, "update"},
		"PUT needs update":                       {only("update"), "PUT proxy/v3/services", Allowed, "", ""},
		"DELETE needs delete":                    {only("delete"), "DELETE proxy/v3/services", Allowed, "", ""},
		"sudo alone allows nothing":              {only("sudo"), "GET proxy/v3/services", Denied, services, "read"},
		"no rule, no call":                       {nil, "GET proxy/v3/services", Denied, services, "read"},
		"deny refuses":                           {only("deny"), "GET proxy/v3/services", Denied, services, "read"},
		"an unknown verb is a bad request":       {only("read"), "PATCH proxy/v3/services", BadRequest, "", ""},
		"a list that is neither is bad":          {only("read"), "GET proxy/v3/services?list=maybe", BadRequest, "", ""},
		"a write to a path with a slash is bad":  {only("update"), "POST proxy/v3/services/", BadRequest, "", ""},
		"a path that cannot be printed is bad":   {only("read"), "GET proxy/v3/services\u00a0", BadRequest, "", ""},
		"update allows proxy/v2":                 {map[string]string{"mash-creds/roles/demo/proxy/v2": `{"capabilities": ["update"]}`}, "POST proxy/v2", Allowed, "", ""},
		"create allows proxy/v2":                 {map[string]string{"mash-creds/roles/demo/proxy/v2": `{"capabilities": ["create"]}`}, "POST proxy/v2", Allowed, "", ""},
		"create allows a method below proxy/v2":  {map[string]string{"mash-creds/roles/demo/proxy/v2/*": `{"capabilities": ["create"]}`}, "POST proxy/v2/test.echo", Allowed, "", ""},
		"read does not allow proxy/v2":           {map[string]string{"mash-creds/roles/demo/proxy/v2": readOnly}, "POST proxy/v2", Denied, "mash-creds/roles/demo/proxy/v2", "update"},
		"the longest glob decides":               {map[string]string{"mash-creds/*": everything, "mash-creds/roles/demo/proxy/v3/*": deny}, "GET proxy/v3/services", Denied, services, "read"},
		"a segment wildcard stands for one":      {map[string]string{"mash-creds/roles/+/proxy/v3/+": readOnly}, "GET proxy/v3/services/1", Denied, services + "/1", "read"},
		"a plus within a path has no power":      {map[string]string{"mash-creds/roles/demo/proxy/v3/a+b": readOnly}, "GET proxy/v3/acb", Denied, "mash-creds/roles/demo/proxy/v3/acb", "read"},
		"a rule with wrapping refuses":           {map[string]string{services: `{"capabilities": ["read"], "min_wrapping_ttl": 60}`}, "GET proxy/v3/services", Denied, services, "read"},
		"a wrapping time of half a second too":   {map[string]string{services: `{"capabilities": ["read"], "max_wrapping_ttl": 0}`}, "GET proxy/v3/services", Denied, services, "read"},
		"more parameters than can be read, bad":  {only("read"), "GET proxy/v3/services?list=true" + strings.Repeat("&a", 10_001), BadRequest, "", ""},
		"rules of another mount allow nothing":   {map[string]string{"mash/*": everything}, "GET proxy/v3/services", Denied, services, "read"},
		"deny refuses whatever stands beside it": {map[string]string{"*": everything, "mash-creds/roles/demo/proxy/*": `{"capabilities": ["deny", "read"]}`}, "GET proxy/v3/services", Denied, services, "read"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := rulesOf(t, test.rules).Decide(request(test.line))
			if got.Verdict != test.verdict || got.Path != test.path || got.Capability != test.capability {
				t.Errorf("got %+v", got)
			}
			if got.Verdict == Denied && !strings.Contains(got.Text, test.path) {
				t.Errorf("the text does not name the path: %s", got.Text)
			}
			if (got.Text == "") != (got.Verdict == Allowed) {
				t.Errorf("text %q", got.Text)
			}
		})
	}
}

func TestVerbsInThePathNeedTwoRights(t *testing.T) {
	const path = "mash-creds/roles/demo/proxy/v3-method/delete/services/1"
	tests := map[string]struct {
		rule       string
		method     string
		verb       string
		verdict    Verdict
		capability string
	}{
		"both are there":                           {`{"capabilities": ["update", "delete"]}`, "POST", "DELETE", Allowed, ""},
		"that of the request is missing":           {`{"capabilities": ["delete"]}`, "POST", "DELETE", Denied, "update"},
		"that of the verb is missing":              {`{"capabilities": ["update"]}`, "POST", "DELETE", Denied, "delete"},
		"PUT by POST needs update only":            {`{"capabilities": ["update"]}`, "POST", "PUT", Allowed, ""},
		"HEAD by GET needs read only":              {readOnly, "GET", "HEAD", Allowed, ""},
		"a verb without meaning":                   {everything, "POST", "PURGE", BadRequest, ""},
		"the verb's parameters are the request's":  {`{"capabilities": ["update", "delete"], "denied_parameters": {"name": []}}`, "POST", "DELETE", Denied, "update"},
		"a list of a GET path needs read and list": {`{"capabilities": ["list"]}`, "LIST", "GET", Denied, "read"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			req := request(test.method+" proxy/v3-method/delete/services/1", `{"name": "x"}`)
			req.Verb = test.verb
			got := rulesOf(t, map[string]string{path: test.rule}).Decide(req)
			if got.Verdict != test.verdict || got.Capability != test.capability {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestParameters(t *testing.T) {
	rule := func(parameters string) map[string]string {
		return map[string]string{"mash-creds/roles/+/proxy/*": `{"capabilities": ["read", "list", "update", "delete"], ` + parameters + `}`}
	}
	tests := map[string]struct {
		rules     map[string]string
		line      string
		body      string
		verdict   Verdict
		parameter string
	}{
		"an allowed value":                        {rule(`"allowed_parameters": {"name": ["a*"]}`), "POST proxy/v3/s", `{"name": "abc"}`, Allowed, ""},
		"a value that is not allowed":             {rule(`"allowed_parameters": {"name": ["a*"]}`), "POST proxy/v3/s", `{"name": "bc"}`, Denied, "name"},
		"a parameter that is not allowed":         {rule(`"allowed_parameters": {"name": ["a*"]}`), "POST proxy/v3/s", `{"name": "a", "qps": 2}`, Denied, "qps"},
		"any parameter beside":                    {rule(`"allowed_parameters": {"name": ["a*"], "*": []}`), "POST proxy/v3/s", `{"name": "a", "qps": 2}`, Allowed, ""},
		"keys are compared in lower case":         {rule(`"denied_parameters": {"name": []}`), "POST proxy/v3/s", `{"NAME": "a"}`, Denied, "NAME"},
		"a denied value in a list":                {rule(`"denied_parameters": {"name": ["a"]}`), "POST proxy/v3/s", `{"name": ["x", "a"]}`, Denied, "name"},
		"a denied value after a comma":            {rule(`"denied_parameters": {"name": ["a"]}`), "POST proxy/v3/s", `{"name": "x,a"}`, Denied, "name"},
		"all parameters denied":                   {rule(`"denied_parameters": {"*": []}`), "POST proxy/v3/s", `{"b": 1, "a": 1}`, Denied, "a"},
		"a required one is missing":               {rule(`"required_parameters": ["name"]`), "POST proxy/v3/s", `{"qps": 1}`, Denied, "name"},
		"a required one is there":                 {rule(`"required_parameters": ["name"]`), "POST proxy/v3/s", `{"name": null}`, Allowed, ""},
		"a required one has a value not allowed":  {rule(`"required_parameters": ["name"], "allowed_parameters": {"name": ["a"], "*": []}`), "POST proxy/v3/s", `{"name": "b", "c": 1}`, Denied, "name"},
		"one beside the required is denied":       {rule(`"required_parameters": ["name"], "denied_parameters": {"c": []}`), "POST proxy/v3/s", `{"b": 1, "name": "b", "c": 1}`, Denied, "c"},
		"a number in a rule equals none in JSON":  {rule(`"allowed_parameters": {"qps": [2, 2.5]}`), "POST proxy/v3/s", `{"qps": 2}`, Denied, "qps"},
		"a bool in a rule equals one in JSON":     {rule(`"allowed_parameters": {"on": [true]}`), "POST proxy/v3/s", `{"on": true}`, Allowed, ""},
		"an empty list allows any value":          {rule(`"allowed_parameters": {"qps": []}`), "POST proxy/v3/s", `{"qps": 2}`, Allowed, ""},
		"null is an empty list":                   {rule(`"allowed_parameters": {"qps": null}`), "POST proxy/v3/s", `{"qps": 2}`, Allowed, ""},
		"an empty body has no data":               {rule(`"allowed_parameters": {"qps": []}`), "POST proxy/v3/s", " \r\n", Allowed, ""},
		"the query of a GET":                      {rule(`"denied_parameters": {"limit": []}`), "GET proxy/v3/s?limit=1", "", Denied, "limit"},
		"the query of a HEAD":                     {rule(`"denied_parameters": {"limit": []}`), "HEAD proxy/v3/s?limit=1", "", Denied, "limit"},
		"a list=false is a parameter":             {rule(`"denied_parameters": {"list": []}`), "GET proxy/v3/s?list=false", "", Denied, "list"},
		"help is a parameter like any other":      {rule(`"denied_parameters": {"help": []}`), "GET proxy/v3/s?help=1", "", Denied, "help"},
		"help beside what is allowed":             {rule(`"allowed_parameters": {"limit": ["1"]}`), "GET proxy/v3/s?limit=1&help=1", "", Denied, "help"},
		"a value given twice equals none":         {rule(`"allowed_parameters": {"a": ["1"]}`), "GET proxy/v3/s?a=1&a=1", "", Denied, "a"},
		"LIST has no parameters":                  {rule(`"denied_parameters": {"*": []}`), "LIST proxy/v3/s?limit=1", "", Allowed, ""},
		"DELETE has no parameters":                {rule(`"required_parameters": ["name"]`), "DELETE proxy/v3/s?limit=1", "", Allowed, ""},
		"the query of a POST is not looked at":    {rule(`"denied_parameters": {"limit": []}`), "POST proxy/v3/s?limit=1;", `{}`, Allowed, ""},
		"the body of a GET is not looked at":      {rule(`"denied_parameters": {"limit": []}`), "GET proxy/v3/s", `{"limit": 1}`, Allowed, ""},
		"parameters count on proxy/v2 too":        {rule(`"allowed_parameters": {"method": ["object.*"], "*": []}`), "POST proxy/v2", `{"method": "test.echo"}`, Denied, "method"},
		"a semicolon in the query":                {rule(`"denied_parameters": {"a": []}`), "GET proxy/v3/s?b=1;a=2", "", BadRequest, ""},
		"a bad escape in the query":               {rule(`"denied_parameters": {"a": []}`), "GET proxy/v3/s?b=%zz", "", BadRequest, ""},
		"a body that is a list":                   {rule(`"denied_parameters": {"a": []}`), "POST proxy/v3/s", `[{"a": 1}]`, BadRequest, ""},
		"a key twice":                             {rule(`"denied_parameters": {"a": []}`), "POST proxy/v3/s", `{"b": 1, "b": 2}`, BadRequest, ""},
		"keys of a V3 object may differ in case":  {rule(`"denied_parameters": {"a": []}`), "POST proxy/v3/s", `{"ID": 1, "id": 2}`, Allowed, ""},
		"keys of an envelope may not":             {rule(`"denied_parameters": {"a": []}`), "POST proxy/v2", `{"ID": 1, "id": 2}`, BadRequest, ""},
		"a body over 1 MiB":                       {rule(`"denied_parameters": {"a": []}`), "POST proxy/v3/s", `{"b": "` + strings.Repeat("x", MaxWhole) + `"}`, TooLarge, ""},
		"a long body nobody may send is not read": {map[string]string{"mash-creds/*": `{"capabilities": ["read"], "denied_parameters": {"a": []}}`}, "POST proxy/v3/s", strings.Repeat("x", MaxWhole+1), Denied, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := rulesOf(t, test.rules).Decide(request(test.line, test.body))
			if got.Verdict != test.verdict || got.Parameter != test.parameter {
				t.Errorf("got %+v", got)
			}
			if test.parameter != "" && !strings.Contains(got.Text, `"`+test.parameter+`"`) {
				t.Errorf("the text does not name the parameter: %s", got.Text)
			}
		})
	}
}

func TestContentThatHasAnotherReading(t *testing.T) {
	rules := rulesOf(t, map[string]string{"mash-creds/roles/+/proxy/*": `{"capabilities": ["update"], "denied_parameters": {"x": []}}`})
	tests := map[string]struct {
		header  http.Header
		body    string
		verdict Verdict
	}{
		"JSON under any type":               {http.Header{"Content-Type": {"text/plain"}}, `{"a": 1}`, Allowed},
		"JSON as curl -d sends it":          {http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, `{"a": 1}`, Allowed},
		"JSON that is a form of two pairs":  {http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, `{"a": "&x=1&"}`, BadRequest},
		"spaces in a form":                  {http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, " \n", BadRequest},
		"JSON behind spaces, in a form":     {http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, strings.Repeat(" ", 512) + `{"a": 1}`, BadRequest},
		"an empty form":                     {http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "", Allowed},
		"a form":                            {http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, `a=1`, BadRequest},
		"a compressed body":                 {http.Header{"Content-Encoding": {"gzip"}}, `{"a": 1}`, BadRequest},
		"an uncompressed body that says so": {http.Header{"Content-Encoding": {"identity"}}, `{"a": 1}`, Allowed},
		"a compressed body, said later":     {http.Header{"Content-Encoding": {"", "br"}}, `{"a": 1}`, BadRequest},
		"UTF-8":                             {http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, `{"a": 1}`, Allowed},
		"another charset":                   {http.Header{"Content-Type": {"application/json; charset=utf-16"}}, `{"a": 1}`, BadRequest},
		"a malformed type":                  {http.Header{"Content-Type": {"application/json; charset"}}, `{"a": 1}`, BadRequest},
		"bytes that are not UTF-8":          {nil, "{\"a\": \"\xff\"}", BadRequest},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			req := request("POST proxy/v3/s", test.body)
			req.Header = test.header
			if got := rules.Decide(req); got.Verdict != test.verdict {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTheBodyIsReadOnlyWhereARuleLooksAtIt(t *testing.T) {
	rules := rulesOf(t, map[string]string{
		"mash-creds/roles/demo/proxy/v3/*":         `{"capabilities": ["update"]}`,
		"mash-creds/roles/demo/proxy/v3/members":   `{"capabilities": ["update"], "denied_parameters": {"x": []}}`,
		"mash-creds/roles/demo/proxy/v3/members/*": `{"capabilities": ["update"], "denied_parameters": {"x": []}}`,
	})
	for path, read := range map[string]bool{"services": false, "members": true, "members/1": true} {
		req := request("POST proxy/v3/"+path, `{"a": 1}`)
		if got := rules.Decide(req); got.Verdict != Allowed || req.Body.IsWhole() != read {
			t.Errorf("%s: read %t, %+v", path, req.Body.IsWhole(), got)
		}
		if sent, err := io.ReadAll(req.Body.Reader()); err != nil || string(sent) != `{"a": 1}` {
			t.Errorf("%s: %q is sent, error %v", path, sent, err)
		}
	}
}

func TestABodyThatCannotBeReadIsABadRequest(t *testing.T) {
	rules := rulesOf(t, map[string]string{"mash-creds/*": `{"capabilities": ["update"], "denied_parameters": {"x": []}}`})
	req := request("POST proxy/v3/s")
	req.Body = NewBody(io.MultiReader(strings.NewReader("{"), failing{}))
	if got := rules.Decide(req); got.Verdict != BadRequest || !strings.Contains(got.Text, errBroken.Error()) {
		t.Errorf("got %+v", got)
	}
}

var errBroken = errors.New("the line broke")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

func TestV2MethodsDeniedByName(t *testing.T) {
	denying := map[string]string{
		"mash-creds/roles/demo/proxy/v2":            `{"capabilities": ["update"]}`,
		"mash-creds/roles/demo/proxy/v2/member.*":   deny,
		"mash-creds/roles/+/proxy/v2/object.delete": deny,
	}
	beside := map[string]string{ // as somebody may write rules for Mashery's oauth2.createAccessToken
		"mash-creds/roles/demo/proxy/v2":                              everything,
		"mash-creds/roles/demo/proxy/v2/*":                            deny,
		"mash-creds/roles/demo/proxy/v2/oauth2.createAccessToken":     everything,
		"mash-creds/roles/demo/proxy/v2/oauth2.Fetch*":                everything,
		"mash-creds/roles/demo/proxy/v2/oauth2.fetchUserApplications": deny,
	}
	below := map[string]string{"mash-creds/*": everything, "mash-creds/roles/+/proxy/v2/Role.*": deny, "mash-creds/roles/Demo/proxy/v2/*": deny}
	const v2 = "mash-creds/roles/demo/proxy/v2/"
	tests := map[string]struct {
		rules   map[string]string
		line    string
		body    string
		verdict Verdict
		path    string
	}{
		"another method":                            {denying, "POST proxy/v2", `{"method": "object.query"}`, Allowed, ""},
		"a method under a glob":                     {denying, "POST proxy/v2", `{"method": "member.create"}`, Denied, "mash-creds/roles/demo/proxy/v2/member.create"},
		"a method of any role":                      {denying, "POST proxy/v2", `{"method": "object.delete"}`, Denied, "mash-creds/roles/demo/proxy/v2/object.delete"},
		"spelt with escapes":                        {denying, "POST proxy/v2", `{"m\u0065thod": "object\u002edelete"}`, Denied, "mash-creds/roles/demo/proxy/v2/object.delete"},
		"in capitals":                               {denying, "POST proxy/v2", `{"method": "OBJECT.DELETE"}`, Denied, v2 + "OBJECT.DELETE"},
		"in capitals, under a glob":                 {denying, "POST proxy/v2", `{"method": "Member.Create"}`, Denied, v2 + "Member.Create"},
		"in capitals, in the path":                  {below, "POST proxy/v2/ROLE.create", `{}`, Denied, v2 + "ROLE.create"},
		"in small letters, the rule in capitals":    {below, "POST proxy/v2/role.create", `{}`, Denied, v2 + "role.create"},
		"another method in the path":                {below, "POST proxy/v2/object.query", `{}`, Allowed, ""},
		"of a role in capitals, which is another":   {below, "POST proxy/v2", `{"method": "object.query"}`, Allowed, ""},
		"with a blank at its end":                   {denying, "POST proxy/v2", `{"method": "object.delete "}`, BadRequest, ""},
		"with a blank before it":                    {denying, "POST proxy/v2", `{"method": "\tobject.delete"}`, BadRequest, ""},
		"with a null byte":                          {denying, "POST proxy/v2", `{"method": "object.delete\u0000"}`, BadRequest, ""},
		"with a slash":                              {denying, "POST proxy/v2", `{"method": "object.delete/"}`, BadRequest, ""},
		"with letters that look alike":              {denying, "POST proxy/v2", `{"method": "ob\u0458ect.delete"}`, BadRequest, ""},
		"with letters that fold":                    {denying, "POST proxy/v2", `{"method": "object.delete\u017f"}`, BadRequest, ""},
		"with a parameter in the path":              {below, "POST proxy/v2/object.query;x", `{}`, BadRequest, ""},
		"an empty one":                              {denying, "POST proxy/v2", `{"method": ""}`, BadRequest, ""},
		"one that is allowed beside a glob":         {beside, "POST proxy/v2", `{"method": "oauth2.createAccessToken"}`, Allowed, ""},
		"one that is allowed, in other letters":     {beside, "POST proxy/v2", `{"method": "oauth2.createaccesstoken"}`, Denied, v2 + "oauth2.createaccesstoken"},
		"one under a glob in other letters":         {beside, "POST proxy/v2", `{"method": "oauth2.FetchUserApplications"}`, Denied, v2 + "oauth2.FetchUserApplications"},
		"one under a longer glob":                   {beside, "POST proxy/v2", `{"method": "oauth2.FetchApplication"}`, Allowed, ""},
		"in a batch":                                {denying, "POST proxy/v2", `[{"method": "object.delete"}]`, BadRequest, ""},
		"with the key twice":                        {denying, "POST proxy/v2", `{"method": "object.query", "method": "object.delete"}`, BadRequest, ""},
		"with the key in caps":                      {denying, "POST proxy/v2", `{"Method": "object.delete"}`, BadRequest, ""},
		"not named at all":                          {denying, "POST proxy/v2", `{"params": []}`, BadRequest, ""},
		"in an empty body":                          {denying, "POST proxy/v2", ``, BadRequest, ""},
		"in a body over 1 MiB":                      {denying, "POST proxy/v2", strings.Repeat(" ", MaxWhole) + `{"method": "a"}`, TooLarge, ""},
		"proxy/v3 is not concerned":                 {map[string]string{"mash-creds/roles/+/proxy/v2/a": deny, "mash-creds/*": everything}, "POST proxy/v3/s", `[`, Allowed, ""},
		"without such a rule the body is not read":  {map[string]string{"mash-creds/*": everything}, "POST proxy/v2", `[`, Allowed, ""},
		"a deny of proxy/v2 itself is no such rule": {map[string]string{"mash-creds/roles/+/proxy/v2": deny, "mash-creds/roles/demo/proxy/v2": everything}, "POST proxy/v2", `[`, Allowed, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := rulesOf(t, test.rules).Decide(request(test.line, test.body))
			if got.Verdict != test.verdict || got.Path != test.path {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestRequestsThatVaultDecides(t *testing.T) {
	rules := rulesOf(t, map[string]string{"mash-creds/*": everything})
	withHeader := func(name string) *Request {
		req := request("GET proxy/v3/s")
		req.Header.Set(name, "1")
		return req
	}
	tests := map[string]struct {
		req   *Request
		cause Cause
	}{
		"X-Vault-Wrap-TTL":            {withHeader("X-Vault-Wrap-TTL"), VaultHeader},
		"X-Vault-MFA":                 {withHeader("X-Vault-MFA"), VaultHeader},
		"X-Vault-Policy-Override":     {withHeader("X-Vault-Policy-Override"), VaultHeader},
		"X-Vault-Recover-Snapshot-Id": {withHeader("X-Vault-Recover-Snapshot-Id"), Snapshot},
		"read_snapshot_id":            {request("GET proxy/v3/s?read_snapshot_id=1"), Snapshot},
		"an escaped snapshot id":      {request("POST proxy/v3/s?recover%5fsnapshot_id=1"), Snapshot},
		"any other request":           {withHeader("X-Vault-Request"), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := rules.Decide(test.req)
			if got.Cause != test.cause || (got.Verdict == Undecidable) != (test.cause != "") {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestATokenThatMayNotReadTheGrantLeavesTheCallToVault(t *testing.T) {
	call := map[string]string{"mash-creds/roles/demo/proxy/*": everything}
	tests := map[string]struct {
		grant string
		line  string
		cause Cause
	}{
		"allowed":                    {readOnly, "GET proxy/v3/s", ""},
		"denied":                     {deny, "GET proxy/v3/s", NoGrant},
		"for V3 grants only, a V3":   {`{"capabilities": ["read"], "allowed_parameters": {"api": ["3"], "lease": []}}`, "GET proxy/v3/s", ""},
		"for V3 grants only, a V2":   {`{"capabilities": ["read"], "allowed_parameters": {"api": ["3"], "lease": []}}`, "POST proxy/v2", NoGrant},
		"for grants without lease":   {`{"capabilities": ["read"], "denied_parameters": {"lease": ["true"]}}`, "GET proxy/v3/s", NoGrant},
		"a call refused for its own": {deny, "PATCH proxy/v3/s", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			call["mash-creds/roles/demo/grant"] = test.grant
			if got := rulesOf(t, call).Decide(request(test.line)); got.Cause != test.cause {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	tests := map[Verdict]struct {
		status int
		code   string
	}{
		Denied:     {403, apierror.PolicyDenied},
		BadRequest: {400, apierror.BadRequest},
		TooLarge:   {413, apierror.TooLarge},
	}
	for verdict, want := range tests {
		got := Decision{Verdict: verdict, Text: "100% no"}.Refusal()
		if got.Status != want.status || got.Code != want.code || got.Message != "100% no" {
			t.Errorf("%v: got %+v", verdict, got)
		}
	}
	for _, verdict := range []Verdict{Allowed, Undecidable} {
		if got := (Decision{Verdict: verdict}).Refusal(); got != nil {
			t.Errorf("%v: got %+v", verdict, got)
		}
	}
	if (Decision{}).Refusal().Status != 403 {
		t.Error("the zero value does not refuse")
	}
}
