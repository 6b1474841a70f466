// SPDX-License-Identifier: MPL-2.0

package scanner

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"testing"
)

// scan passes text through a scanner in chunks of up to longest bytes.
func scan(text []byte, longest int, random *rand.Rand, secrets ...string) (passed []byte, found bool) {
	scanner := New(secrets...)
	for len(text) > 0 {
		n := min(1+random.IntN(longest), len(text))
		chunk := bytes.Clone(text[:n])
		safe, found := scanner.Next(chunk)
		passed = append(passed, safe...)
		if found {
			return passed, true
		}
		clear(chunk) // as a reader that uses its buffer again would
		text = text[n:]
	}
	return append(passed, scanner.Rest()...), false
}

func TestScanner(t *testing.T) {
	const secret = "hvs.secret"
	tests := map[string]struct {
		secrets []string
		text    string
		found   bool
	}{
		"nothing to find":                          {[]string{secret}, "some text without it", false},
		"in the middle":                            {[]string{secret}, "some hvs.secret text", true},
		"at the end":                               {[]string{secret}, "some hvs.secret", true},
		"all of it":                                {[]string{secret}, secret, true},
		"a start that does not go on passes":       {[]string{secret}, "some hvs.secre", false},
		"a start that begins anew is found":        {[]string{"aab"}, "aaaaab", true},
		"the second of two":                        {[]string{"other", secret}, "some hvs.secret", true},
		"one is the start of the other":            {[]string{"hvs.secret.ns", secret}, "some hvs.secret.n", true},
		"nothing is searched for without a secret": {[]string{"", ""}, "anything", false},
		"an empty stream":                          {[]string{secret}, "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for longest := 1; longest <= len(test.text)+1; longest++ {
				passed, found := scan([]byte(test.text), longest, rand.New(rand.NewPCG(1, uint64(longest))), test.secrets...)
				if found != test.found {
					t.Fatalf("chunks of up to %d: found is %t", longest, found)
				}
				if !found && string(passed) != test.text {
					t.Fatalf("chunks of up to %d: passed %q", longest, passed)
				}
				if found && !bytes.HasPrefix([]byte(test.text), passed) {
					t.Fatalf("chunks of up to %d: passed %q, which is no start of the text", longest, passed)
				}
			}
		})
	}
}

func TestScannerLetsNoPartOfASecretPass(t *testing.T) {
	const secret = "hvs.secret"
	for at := range len(secret) {
		scanner := New(secret)
		safe, found := scanner.Next([]byte("text " + secret[:at]))
		if found || string(safe) != "text " {
			t.Errorf("passed %q before it was known how %q goes on", safe, secret[:at])
		}
		if safe, found := scanner.Next([]byte(secret[at:])); !found || len(safe) > 0 {
			t.Errorf("passed %q of the secret itself", safe)
		}
		if rest := scanner.Rest(); len(rest) > 0 {
			t.Errorf("passed %q after the secret was found", rest)
		}
	}
}

func TestScannerLooksAtHeaders(t *testing.T) {
	scanner := New("hvs.secret")
	if scanner.InHeader(http.Header{"Location": {"/ui"}, "Warning": nil}) {
		t.Error("found in a header without it")
	}
	if !scanner.InHeader(http.Header{"Location": {"/ui", "/ui?token=hvs.secret"}}) {
		t.Error("not found in a second value")
	}
}

// What a scanner says does not depend on where the chunks end.
func FuzzScanner(f *testing.F) {
	f.Add([]byte("some hvs.secret text"), "hvs.secret", "hvb.other", uint64(1))
	f.Add([]byte("aaaaab"), "aab", "", uint64(2))
	f.Add([]byte("abababac"), "ababac", "bab", uint64(3))
	f.Fuzz(func(t *testing.T, text []byte, one, two string, seed uint64) {
		want := one != "" && bytes.Contains(text, []byte(one)) || two != "" && bytes.Contains(text, []byte(two))
		random := rand.New(rand.NewPCG(seed, 0))
		passed, found := scan(text, 1+random.IntN(20), random, one, two)
		if found != want {
			t.Fatalf("found is %t, bytes.Contains says %t", found, want)
		}
		if !found && !bytes.Equal(passed, text) {
			t.Fatalf("passed %q of %q", passed, text)
		}
		if found && !bytes.HasPrefix(text, passed) {
			t.Fatalf("passed %q, which is no start of %q", passed, text)
		}
		for _, secret := range []string{one, two} {
			if secret != "" && bytes.Contains(passed, []byte(secret)) {
				t.Fatalf("passed the secret %q", secret)
			}
		}
	})
}
