// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"strings"
	"testing"
)

func TestTheFivePathForms(t *testing.T) {
	const role = "/v1/mash-creds/roles/demo/"
	tests := map[string]struct{ request, want string }{
		"V2":                                   {"POST " + role + "proxy/v2", "mash-creds/demo: POST v2"},
		"V2 with the method":                   {"POST " + role + "proxy/v2/object.query", "mash-creds/demo: POST v2 object.query"},
		"V3":                                   {"GET " + role + "proxy/v3/services", "mash-creds/demo: GET v3 services (GET on proxy/v3/services)"},
		"V3 with the verb at the end":          {"POST " + role + "proxy/v3/services/1;target-method-put", "mash-creds/demo: PUT v3 services/1 (POST for PUT on proxy/v3/services/1;target-method-put)"},
		"V3 with the verb before the path":     {"POST " + role + "proxy/v3-method/delete/services/1", "mash-creds/demo: DELETE v3 services/1 (POST for DELETE on proxy/v3-method/delete/services/1)"},
		"V3 with a query":                      {"GET " + role + "proxy/v3/services?filter=name:a%2Cb&fields=id,name", "mash-creds/demo: GET v3 services (GET on proxy/v3/services)"},
		"V3 with one slash at the end":         {"GET " + role + "proxy/v3/services/", "mash-creds/demo: GET v3 services/ (GET on proxy/v3/services/)"},
		"V3 with a verb and a slash":           {"POST " + role + "proxy/v3/services/;target-method-put", "mash-creds/demo: PUT v3 services/ (POST for PUT on proxy/v3/services/;target-method-put)"},
		"V3 keeps its escapes byte for byte":   {"GET " + role + "proxy/v3/a%2Fb%2c%3bc%25/%7Ed;e", "mash-creds/demo: GET v3 a%2Fb%2c%3bc%25/%7Ed;e (GET on proxy/v3/a/b,;c%/~d;e)"},
		"a verb before a path with escapes":    {"GET " + role + "proxy/v3-method/get/a%2Fb", "mash-creds/demo: GET v3 a%2Fb (GET for GET on proxy/v3-method/get/a/b)"},
		"a verb after a path with escapes":     {"PUT " + role + "proxy/v3/a%2Fb;target-method-DELETE", "mash-creds/demo: DELETE v3 a%2Fb (PUT for DELETE on proxy/v3/a/b;target-method-DELETE)"},
		"the shortest and oddest role name":    {"GET /v1/mash-creds/roles/_/proxy/v3/services", "mash-creds/_: GET v3 services (GET on proxy/v3/services)"},
		"a role name with dots and dashes":     {"GET /v1/mash-creds/roles/a.b--c.d/proxy/v3/services", "mash-creds/a.b--c.d: GET v3 services (GET on proxy/v3/services)"},
		"a role called as a path below a role": {"GET /v1/mash-creds/roles/grant/proxy/v3/services", "mash-creds/grant: GET v3 services (GET on proxy/v3/services)"},

		"no V3 path":                            {"GET " + role + "proxy/v3/", "400 bad_request: …must be followed by a V3 path"},
		"a verb without a V3 path":              {"GET " + role + "proxy/v3-method/get", "400 bad_request: …must be followed by a V3 path"},
		"a verb and a slash without a V3 path":  {"GET " + role + "proxy/v3-method/get/", "400 bad_request: …must be followed by a V3 path"},
		"nothing before the verb":               {"POST " + role + "proxy/v3/;target-method-put", "400 bad_request: …must follow a V3 path"},
		"a V2 method with more below it":        {"POST " + role + "proxy/v2/object.query/x", "400 bad_request: …such as proxy/v2/object.query"},
		"a V2 method that is none":              {"POST " + role + "proxy/v2/", "400 bad_request: …such as proxy/v2/object.query"},
		"V2 with a query":                       {"POST " + role + "proxy/v2?apikey=mine", "400 bad_request: …has no query"},
		"V2 with an empty query":                {"POST " + role + "proxy/v2?", "400 bad_request: …has no query"},
		"V2 with the method and a query":        {"POST " + role + "proxy/v2/test.echo?sig=1", "400 bad_request: …has no query"},
		"a role name that ends in a dash":       {"GET /v1/mash-creds/roles/demo-/proxy/v3/services", "400 bad_request: …cannot be the name of a role"},
		"a role name that begins with a dot":    {"GET /v1/mash-creds/roles/.demo/proxy/v3/services", "400 bad_request: …cannot be the name of a role"},
		"a role name that holds a space":        {"GET /v1/mash-creds/roles/de%20mo/proxy/v3/services", "400 bad_request: …cannot be the name of a role"},
		"a role name that is not ASCII":         {"GET /v1/mash-creds/roles/d%C3%A9mo/proxy/v3/services", "400 bad_request: …cannot be the name of a role"},
		"a role name with a line end after it":  {"GET /v1/mash-creds/roles/demo%0A/proxy/v3/services", "400 bad_request: …a control character"},
		"an escape in the role":                 {"GET /v1/mash-creds/roles/de%6Do/proxy/v3/services", "400 bad_request: …nothing before the V3 path may be escaped"},
		"an escape in the mount":                {"GET /v1/mash%2Dcreds/roles/demo/proxy/v3/services", "400 bad_request: …nothing before the V3 path may be escaped"},
		"an escaped slash before the roles":     {"GET /v1/mash-creds%2Froles/demo/proxy/v3/services", "400 bad_request: …nothing before the V3 path may be escaped"},
		"an escape in v1":                       {"GET /%761/mash-creds/roles/demo/proxy/v3/services", "400 bad_request: …nothing before the V3 path may be escaped"},
		"an escape in proxy":                    {"GET " + role + "prox%79/v3/services", "400 bad_request: …nothing before the V3 path may be escaped"},
		"an escaped slash before the V3 path":   {"GET " + role + "proxy/v3%2fservices", "400 bad_request: …nothing before the V3 path may be escaped"},
		"an escape in the verb":                 {"GET " + role + "proxy/v3-method/g%65t/services", "400 bad_request: …nothing before the V3 path may be escaped"},
		"an escaped percent in the verb":        {"GET " + role + "proxy/v3-method/%2567et/services", "400 bad_request: …nothing before the V3 path may be escaped"},
		"an escape in v2":                       {"POST " + role + "proxy/%762", "400 bad_request: …nothing before the V3 path may be escaped"},
		"an escape in a V2 method":              {"POST " + role + "proxy/v2/test%2Eecho", "400 bad_request: …nothing before the V3 path may be escaped"},
		"an escaped percent in a V2 method":     {"POST " + role + "proxy/v2/test%252Eecho", "400 bad_request: …nothing before the V3 path may be escaped"},
		"an escaped slash in a V2 method":       {"POST " + role + "proxy/v2/object%2Fquery", "400 bad_request: …nothing before the V3 path may be escaped"},
		"a verb that is climbed behind":         {"POST " + role + "proxy/v3/services/..;target-method-put", `400 bad_request: …the segment "..;target-method-put"`},
		"a verb that is climbed behind, hidden": {"POST " + role + "proxy/v3/services/%2e%2e;target-method-put", `400 bad_request: …the segment "..;target-method-put"`},

		"the role itself":                  {"GET /v1/mash-creds/roles/demo", passedOn},
		"the list of roles":                {"LIST /v1/mash-creds/roles/", passedOn},
		"the engine's configuration":       {"GET /v1/mash-creds/config", passedOn},
		"a path of the role that is none":  {"GET " + role + "proxy/v4/services", passedOn},
		"proxy/v3 without a slash":         {"GET " + role + "proxy/v3", passedOn},
		"proxy/v3-method without a slash":  {"GET " + role + "proxy/v3-method", passedOn},
		"something that begins as v2 does": {"POST " + role + "proxy/v2.1", passedOn},
		"something that begins as v3 does": {"GET " + role + "proxy/v30/services", passedOn},
		"no roles on the mount's path":     {"GET /v1/mash-creds/demo/proxy/v3/services", passedOn},
		"two levels below the roles":       {"GET /v1/mash-creds/roles/a/b/proxy/v3/services", passedOn},
		"another mount":                    {"GET /v1/mash-creds2/roles/demo/proxy/v3/services", passedOn},
		"a mount spelt in capitals":        {"GET /v1/MASH-CREDS/roles/demo/proxy/v3/services", passedOn},
		"an escape of an escape":           {"GET /v1/mash-creds/roles/de%256Do/proxy/v2.1", passedOn},
		"not below v1":                     {"GET /v2/mash-creds/roles/demo/proxy/v3/services", passedOn},
		"a path of Vault Proxy's own":      {"GET /proxy/v1/metrics", passedOn},
		"the root":                         {"GET /", passedOn},
	}
	h := recogniser(block("mash-creds"))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { wantOutcome(t, h, test.request, test.want) })
	}
}

func TestWhichVerbMayAskForWhich(t *testing.T) {
	const role = "/v1/mash-creds/roles/demo/"
	tests := map[string]struct{ request, want string }{
		"GET":            {"GET proxy/v3/s", "GET v3 s (GET on"},
		"HEAD":           {"HEAD proxy/v3/s", "HEAD v3 s (HEAD on"},
		"LIST":           {"LIST proxy/v3/s", "GET v3 s (LIST on"},
		"POST":           {"POST proxy/v3/s", "POST v3 s (POST on"},
		"PUT":            {"PUT proxy/v3/s", "PUT v3 s (PUT on"},
		"DELETE":         {"DELETE proxy/v3/s", "DELETE v3 s (DELETE on"},
		"a small post":   {"post proxy/v3/s", "POST v3 s (POST on"},
		"a small delete": {"delete proxy/v3/s", "DELETE v3 s (DELETE on"},
		"a small list":   {"list proxy/v3/s", "GET v3 s (LIST on"},

		"PATCH":   {"PATCH proxy/v3/s", "405 [Allow: GET, HEAD, LIST, POST, PUT, DELETE]"},
		"OPTIONS": {"OPTIONS proxy/v3/s", "405 [Allow: GET, HEAD, LIST, POST, PUT, DELETE]"},
		"TRACE":   {"TRACE proxy/v3/s", "405 [Allow: GET, HEAD, LIST, POST, PUT, DELETE]"},
		"CONNECT": {"CONNECT proxy/v3/s", "405 [Allow: GET, HEAD, LIST, POST, PUT, DELETE]"},
		"RECOVER": {"RECOVER proxy/v3/s", "405 [Allow: GET, HEAD, LIST, POST, PUT, DELETE]"},
		"HELP":    {"HELP proxy/v3/s", "405 [Allow: GET, HEAD, LIST, POST, PUT, DELETE]"},

		"GET with a true list":       {"GET proxy/v3/s?list=true", "GET v3 s (GET on"},
		"GET with list=1":            {"GET proxy/v3/s?list=1", "GET v3 s (GET on"},
		"GET with a false list":      {"GET proxy/v3/s?list=false", "GET v3 s (GET on"},
		"GET with an empty list":     {"GET proxy/v3/s?list=", "GET v3 s (GET on"},
		"GET with a list that's odd": {"GET proxy/v3/s?list=yes", "400"},
		"POST with the same":         {"POST proxy/v3/s?list=yes", "POST v3 s (POST on"},
		"GET with the word list":     {"GET proxy/v3/s?fields=listing", "GET v3 s (GET on"},

		"POST for POST":            {"POST proxy/v3/s;target-method-post", "POST v3 s (POST for POST on"},
		"POST for PUT":             {"POST proxy/v3/s;target-method-put", "PUT v3 s (POST for PUT on"},
		"POST for DELETE":          {"POST proxy/v3/s;target-method-Delete", "DELETE v3 s (POST for DELETE on"},
		"PUT for POST":             {"PUT proxy/v3/s;target-method-post", "POST v3 s (PUT for POST on"},
		"a small put for PUT":      {"put proxy/v3/s;target-method-put", "PUT v3 s (PUT for PUT on"},
		"GET for DELETE":           {"GET proxy/v3/s;target-method-delete", "405 [Allow: POST, PUT]"},
		"GET for GET":              {"GET proxy/v3/s;target-method-get", "405 [Allow: POST, PUT]"},
		"HEAD for PUT":             {"HEAD proxy/v3/s;target-method-put", "405 [Allow: POST, PUT]"},
		"LIST for PUT":             {"LIST proxy/v3/s;target-method-put", "405 [Allow: POST, PUT]"},
		"DELETE for DELETE":        {"DELETE proxy/v3/s;target-method-delete", "405 [Allow: POST, PUT]"},
		"POST for GET":             {"POST proxy/v3/s;target-method-get", "400"},
		"POST for HEAD":            {"POST proxy/v3/s;target-method-head", "400"},
		"POST for PATCH":           {"POST proxy/v3/s;target-method-patch", "400"},
		"POST for what is no verb": {"POST proxy/v3/s;target-method-x", "400"},
		"POST for nothing":         {"POST proxy/v3/s;target-method-", "400"},

		"an escaped semicolon":         {"POST proxy/v3/s%3Btarget-method-put", "400"},
		"an escaped word":              {"POST proxy/v3/s;targe%74-method-put", "400"},
		"an escaped verb":              {"POST proxy/v3/s;target-method-p%75t", "400"},
		"an escaped empty verb":        {"POST proxy/v3/s;target-method%2D", "400"},
		"all of it escaped":            {"POST proxy/v3/s%3b%74arget-method-pu%74", "400"},
		"escaped twice, a name":        {"POST proxy/v3/s%253Btarget-method-put", "POST v3 s%253Btarget-method-put (POST on"},
		"in the middle, a name":        {"POST proxy/v3/s;target-method-put/1", "POST v3 s;target-method-put/1 (POST on"},
		"before an escaped slash":      {"POST proxy/v3/s;target-method-put%2F1", "POST v3 s;target-method-put%2F1 (POST on"},
		"before another parameter":     {"POST proxy/v3/s;target-method-put;x", "POST v3 s;target-method-put;x (POST on"},
		"in capitals, a name":          {"POST proxy/v3/s;TARGET-METHOD-put", "POST v3 s;TARGET-METHOD-put (POST on"},
		"in the query, no verb":        {"POST proxy/v3/s?;target-method-put", "POST v3 s (POST on"},
		"in the middle, GET":           {"GET proxy/v3/s;target-method-put/1", "GET v3 s;target-method-put/1 (GET on"},
		"after a verb before the path": {"POST proxy/v3-method/put/s;target-method-put", "400"},
		"the same, escaped":            {"POST proxy/v3-method/put/s%3Btarget-method-put", "400"},

		"GET before the path for GET":     {"GET proxy/v3-method/get/s", "GET v3 s (GET for GET on"},
		"GET before the path for HEAD":    {"GET proxy/v3-method/Head/s", "HEAD v3 s (GET for HEAD on"},
		"POST before the path for PUT":    {"POST proxy/v3-method/PUT/s", "PUT v3 s (POST for PUT on"},
		"PUT before the path for POST":    {"PUT proxy/v3-method/post/s", "POST v3 s (PUT for POST on"},
		"POST before the path for DELETE": {"POST proxy/v3-method/delete/s", "DELETE v3 s (POST for DELETE on"},
		"POST before the path for GET":    {"POST proxy/v3-method/get/s", "405 [Allow: GET]"},
		"HEAD before the path for GET":    {"HEAD proxy/v3-method/get/s", "405 [Allow: GET]"},
		"LIST before the path for GET":    {"LIST proxy/v3-method/get/s", "405 [Allow: GET]"},
		"GET before the path for DELETE":  {"GET proxy/v3-method/delete/s", "405 [Allow: POST, PUT]"},
		"DELETE for DELETE as well":       {"DELETE proxy/v3-method/delete/s", "405 [Allow: POST, PUT]"},
		"a verb nobody knows":             {"POST proxy/v3-method/patch/s", "400"},
		"LIST as the verb":                {"GET proxy/v3-method/list/s", "400"},

		"V2 by POST":       {"POST proxy/v2", "POST v2"},
		"V2 by small post": {"post proxy/v2", "POST v2"},
		"V2 by GET":        {"GET proxy/v2", "405 [Allow: POST]"},
		"V2 by PUT":        {"PUT proxy/v2/object.query", "405 [Allow: POST]"},
		"V2 by DELETE":     {"DELETE proxy/v2/object.query", "405 [Allow: POST]"},
	}
	h := recogniser(block("mash-creds"))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			verb, path, _ := strings.Cut(test.request, " ")
			got := outcome(h, request(t, verb+" "+role+path))
			status, allow, isRefusal := strings.Cut(test.want, " [")
			switch {
			case test.want == "400" || isRefusal && status == "405":
				if !strings.HasPrefix(got, status+" ") || !strings.HasSuffix(got, allow) {
					t.Errorf("got %s, want %s", got, test.want)
				}
			case !strings.HasPrefix(strings.TrimPrefix(got, "mash-creds/demo: "), test.want):
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestWhichMountACallIsOf(t *testing.T) {
	tests := map[string]struct {
		blocks  []string
		prepend string
		request string
		want    string
	}{
		"a mount with slashes":            {blocks: []string{"team/a/mash"}, request: "GET /v1/team/a/mash/roles/demo/proxy/v3/s", want: "team/a/mash/demo"},
		"part of a mount with slashes":    {blocks: []string{"team/a/mash"}, request: "GET /v1/a/mash/roles/demo/proxy/v3/s"},
		"the longest of two mounts":       {blocks: []string{"mash", "mash/eu"}, request: "GET /v1/mash/eu/roles/demo/proxy/v3/s", want: "mash/eu/demo"},
		"the shortest of two mounts":      {blocks: []string{"mash/eu", "mash"}, request: "GET /v1/mash/roles/demo/proxy/v3/s", want: "mash/demo"},
		"a mount that begins as another":  {blocks: []string{"mash"}, request: "GET /v1/mash2/roles/demo/proxy/v3/s"},
		"a mount below another's roles":   {blocks: []string{"mash", "mash/roles/eu"}, request: "GET /v1/mash/roles/eu/roles/demo/proxy/v3/s", want: "mash/roles/eu/demo"},
		"a namespace in the header":       {blocks: []string{"team/|mash"}, request: "GET /v1/mash/roles/demo/proxy/v3/s\nX-Vault-Namespace: team", want: "team/mash/demo"},
		"written with slashes":            {blocks: []string{"team/|mash"}, request: "GET /v1/mash/roles/demo/proxy/v3/s\nx-vault-namespace: /team/", want: "team/mash/demo"},
		"in the path":                     {blocks: []string{"team/|mash"}, request: "GET /v1/team/mash/roles/demo/proxy/v3/s", want: "team/mash/demo"},
		"half in each":                    {blocks: []string{"team/a/|mash"}, request: "GET /v1/a/mash/roles/demo/proxy/v3/s\nX-Vault-Namespace: team", want: "team/a/mash/demo"},
		"prepended":                       {blocks: []string{"team/|mash"}, prepend: "team", request: "GET /v1/mash/roles/demo/proxy/v3/s", want: "team/mash/demo"},
		"prepended, header and path":      {blocks: []string{"team/a/b/|mash"}, prepend: "team/", request: "GET /v1/b/mash/roles/demo/proxy/v3/s\nX-Vault-Namespace: a/", want: "team/a/b/mash/demo"},
		"an empty header":                 {blocks: []string{"mash"}, request: "GET /v1/mash/roles/demo/proxy/v3/s\nX-Vault-Namespace:", want: "mash/demo"},
		"a slash as header":               {blocks: []string{"mash"}, request: "GET /v1/mash/roles/demo/proxy/v3/s\nX-Vault-Namespace: /", want: "mash/demo"},
		"root by its name":                {blocks: []string{"mash"}, request: "GET /v1/mash/roles/demo/proxy/v3/s\nX-Vault-Namespace: root", want: "mash/demo"},
		"a namespace below root":          {blocks: []string{"team/|mash"}, request: "GET /v1/mash/roles/demo/proxy/v3/s\nX-Vault-Namespace: root/team/", want: "team/mash/demo"},
		"no namespace where one is asked": {blocks: []string{"team/|mash"}, request: "GET /v1/mash/roles/demo/proxy/v3/s"},
		"one where none is":               {blocks: []string{"mash"}, request: "GET /v1/mash/roles/demo/proxy/v3/s\nX-Vault-Namespace: team"},
		"one that holds the mount":        {blocks: []string{"mash"}, request: "GET /v1/roles/demo/proxy/v3/s\nX-Vault-Namespace: mash"},
		"one that holds half the mount":   {blocks: []string{"team/|eu/mash"}, request: "GET /v1/mash/roles/demo/proxy/v3/s\nX-Vault-Namespace: team/eu"},
		"another than the block's":        {blocks: []string{"team/|mash"}, request: "GET /v1/mash/roles/demo/proxy/v3/s\nX-Vault-Namespace: Team"},
		"prepended to another":            {blocks: []string{"team/|mash"}, prepend: "team", request: "GET /v1/mash/roles/demo/proxy/v3/s\nX-Vault-Namespace: team"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := settings()
			for _, b := range test.blocks {
				c.Mounts = append(c.Mounts, &Mount{Mashery: block(b)})
			}
			c.PrependNamespace = test.prepend
			want := passedOn
			if test.want != "" {
				want = test.want + ": GET v3 s (GET on proxy/v3/s)"
			}
			wantOutcome(t, New(c), test.request, want)
		})
	}
}

func TestANamespaceWithTwoReadingsIsRefused(t *testing.T) {
	tests := map[string]string{
		"twice":               "X-Vault-Namespace: team\nX-Vault-Namespace: team",
		"twice, spelt anew":   "X-Vault-Namespace: team\nx-vault-namespace: other",
		"two slashes before":  "X-Vault-Namespace: //team",
		"two slashes between": "X-Vault-Namespace: team//a",
		"two slashes after":   "X-Vault-Namespace: team//",
		"climbing":            "X-Vault-Namespace: team/..",
		"standing":            "X-Vault-Namespace: ./team",
		"escaped":             "X-Vault-Namespace: te%61m",
		"a tab in it":         "X-Vault-Namespace: te\tam",
	}
	h := recogniser(block("team/|mash"))
	for name, headers := range tests {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/v1/mash/roles/demo/proxy/v3/s", "/v1/mash/roles/demo/grant", "/v1/secret/data/a"} {
				wantOutcome(t, h, "GET "+path+"\n"+headers, "400 bad_request: …X-Vault-Namespace must be sent once")
			}
		})
	}
}
