// SPDX-License-Identifier: MPL-2.0

package hcl1_test

import (
	"strings"
	"testing"

	"mashproxy/agentext/config/hcl1"
)

func TestMaskBlanksWhatLooksSecret(t *testing.T) {
	for name, tc := range map[string]struct{ src, want string }{
		"a text":                          {`password = "hunter2" # x`, `password = "*******" # x`},
		"in a one-line block":             {`config = { user = "me" password = "hunter2" role = "r" }`, `config = { user = "me" password = "*******" role = "r" }`},
		"with quoted keys":                {`"api_secret" = "hunter2"`, `"api_secret" = "*******"`},
		"in JSON":                         {`{"password": "hunter2", "role": "r"}`, `{"password": "*******", "role": "r"}`},
		"a list":                          {"tokens = [\"a\",\n\"b\"]\nrole = \"r\"", "tokens = [\"*\",\n\"*\"]\nrole = \"r\""},
		"an object":                       {`secret = { a = "b" c = { d = "e" } } role = "r"`, `secret = { * = "*" * = { * = "*" } } role = "r"`},
		"a here-document":                 {"key = <<EOF\nhunter2\nEOF\nrole = \"r\"", "key = *****\n*******\n***\nrole = \"r\""},
		"without quotes":                  {"password = hunter2!\nrole = \"r\"", "password = ********\nrole = \"r\""},
		"without a sign":                  {"password \"hunter2\"\nrole = \"r\"", "password \"*******\"\nrole = \"r\""},
		"without an end":                  {"password = \"hunter2\nrole = \"r\"", "password = \"*******\nrole = \"r\""},
		"on the next line":                {"password =\n  \"hunter2\"", "password =\n  \"*******\""},
		"in JSON without quotes":          {`{"password": hunter2}`, `{"password": ********`},
		"in a comment":                    {"# password = \"hunter2\"\nrole = 1", "*********************\"\nrole = 1"},
		"behind a null character":         {"a = 1 \x00 password = \"hunter2\"", "a = 1**********************\""},
		"user and password of a URL":      {`v3_endpoint = "https://me:hunter2@host/v3"`, `v3_endpoint = "https://**********@host/v3"`},
		"without a scheme":                {`proxy_address = "me:hunter2@host:1"`, `proxy_address = "**********@host:1"`},
		"a password with signs in it":     {`proxy_address = "http://me:h/u@n t=er'\"2@host"`, `proxy_address = "http://*****************@host"`},
		"an address in a comment":         {`# proxy http://me:hunter2@host`, `# proxy http://**********@host`},
		"an address in other quotes":      {`proxy_address = 'me:hunter2@host'`, `proxy_address = '**********@host'`},
		"not the path of a secret's file": {`secret_id_file_path = "/run/secret-id"`, `secret_id_file_path = "/run/secret-id"`},
		"not what is no text":             {"remove_token = true\ntoken_count = 5", "remove_token = true\ntoken_count = 5"},
		"not the use of the token":        {`use_auto_auth_token = "force"`, `use_auto_auth_token = "force"`},
		"not a block with such a label":   {`method "token_file" { config = { token_file_path = "/x" } }`, `method "token_file" { config = { token_file_path = "/x" } }`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(hcl1.Mask([]byte(tc.src))); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func FuzzMaskKeepsPlaces(f *testing.F) {
	for _, src := range []string{`password = "x"`, `{"a": ["b", {"token": "c"}]}`, "key = <<A\nb\nA\n", "\x00", `a "b" { c = [1, 2] }`} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		src = strings.ReplaceAll(src, "\r\n", "\n")
		got := string(hcl1.Mask([]byte(src)))
		if len(got) != len(src) || strings.Count(got, "\n") != strings.Count(src, "\n") {
			t.Errorf("%q became %q", src, got)
		}
	})
}
