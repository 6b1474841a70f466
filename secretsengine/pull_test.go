// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// testKeys are made once: each takes a second.
var testKeys = [2]func() *rsa.PrivateKey{sync.OnceValue(newTestKey), sync.OnceValue(newTestKey)}

func newTestKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		panic(err)
	}
	return key
}

// newSatellite is another Vault's engine with the empty role "demo", whose
// key is the nth.
func newSatellite(t *testing.T, n int) *engine {
	t.Helper()
	e := newEngine(t)
	e.writeRole("demo", nil)
	if err := storeKey(t.Context(), e.storage, "demo", testKeys[n]()); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *engine) pem() string {
	e.Helper()
	return e.read("roles/demo/pem", nil)["pem"].(string)
}

func (e *engine) export(to string, wishes map[string]any) string {
	e.Helper()
	data := map[string]any{"pem": to}
	for name, wish := range wishes {
		data[name] = wish
	}
	return e.must(logical.UpdateOperation, "roles/demo/export", data).Data["pem"].(string)
}

func (e *engine) imports(block string) *logical.Response {
	e.Helper()
	return e.must(logical.UpdateOperation, "roles/demo/import", map[string]any{"pem": block})
}

func TestTwoFreshMountsExchangeARole(t *testing.T) {
	central, satellite := newDemo(t), newSatellite(t, 0)
	satellite.imports(central.export(satellite.pem(), nil))
	got := satellite.read("roles/demo", nil)
	for field, want := range map[string]any{
		"v2_capable": true, "v3_capable": true, "qps": 1000, "term": "∞", "use_remaining": "∞",
		"exportable": false, "forced_proxy_mode": false,
	} {
		wantEqual(t, field, got[field], want)
	}
	for _, api := range []int{2, 3} {
		satellite.read("roles/demo/grant", map[string]any{"api": api})
	}
	wantEqual(t, "the password", strings.Contains(satellite.mashery.tokenRequests()[0], plantedPassword), true)
	wantEqual(t, "the central role", central.read("roles/demo", nil)["exportable"], any(true))
}

func TestLimitsTravelWithARole(t *testing.T) {
	day := func(e *engine) string { return e.clock.now().Add(24 * time.Hour).UTC().Format(time.RFC3339) }
	for name, c := range map[string]struct {
		own, wishes map[string]any
		want        func(*engine) map[string]any
	}{
		"a term": {nil, map[string]any{"explicit_term": "1d"},
			func(e *engine) map[string]any { return map[string]any{"term": day(e), "term_remaining": "24h0m0s"} }},
		"uses":            {nil, map[string]any{"explicit_num_uses": 5}, reads("use_remaining", "5 times (0% used)")},
		"calls a second":  {nil, map[string]any{"explicit_qps": 3}, reads("qps", 3)},
		"one API, V2":     {nil, map[string]any{"v2_only": true}, reads("v3_capable", false, "v2_capable", true)},
		"one API, V3":     {nil, map[string]any{"v3_only": true}, reads("v3_capable", true, "v2_capable", false)},
		"proxy mode":      {nil, map[string]any{"force_proxy_mode": true}, reads("forced_proxy_mode", true)},
		"to be exported":  {nil, map[string]any{"exportable": true}, reads("exportable", true)},
		"its own uses":    {map[string]any{"explicit_num_uses": 9}, nil, reads("use_remaining", "9 times (0% used)")},
		"fewer than own":  {map[string]any{"explicit_num_uses": 9}, map[string]any{"explicit_num_uses": 2}, reads("use_remaining", "2 times (0% used)")},
		"its proxy mode":  {map[string]any{"forced_proxy_mode": true}, nil, reads("forced_proxy_mode", true)},
		"its own term":    {map[string]any{"explicit_term": "1d"}, nil, func(e *engine) map[string]any { return map[string]any{"term": day(e)} }},
		"nothing but qps": {map[string]any{"qps": 7}, nil, reads("qps", 7)},
	} {
		t.Run(name, func(t *testing.T) {
			central, satellite := newDemo(t), newSatellite(t, 0)
			central.writeRole("demo", c.own)
			satellite.clock.time = central.clock.now()
			satellite.imports(central.export(satellite.pem(), c.wishes))
			got := satellite.read("roles/demo", nil)
			for field, want := range c.want(central) {
				wantEqual(t, field, got[field], want)
			}
		})
	}
}

// reads are the fields a role is expected to read, in pairs.
func reads(pairs ...any) func(*engine) map[string]any {
	want := make(map[string]any)
	for i := 0; i < len(pairs); i += 2 {
		want[pairs[i].(string)] = pairs[i+1]
	}
	return func(*engine) map[string]any { return want }
}

func TestAnImportedRoleKeepsItsLimits(t *testing.T) {
	central, satellite := newDemo(t), newSatellite(t, 0)
	block := central.export(satellite.pem(), map[string]any{"explicit_num_uses": 2})
	satellite.imports(block)
	satellite.refused(logical.UpdateOperation, "roles/demo", map[string]any{"explicit_num_uses": 0},
		"operation is not permitted on an imported role; import another export of it, or delete it first")
	satellite.refused(logical.UpdateOperation, "roles/demo/export", map[string]any{"pem": central.pem()},
		"this role is not exportable; its own export did not allow that (exportable=true)")

	satellite.read("roles/demo/token", nil)
	resp := satellite.imports(block)
	if resp == nil || len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "was imported before") {
		t.Errorf("the same export again: %v", resp)
	}
	wantEqual(t, "after the same export again", satellite.usesLeft(), "1 times (50% used)")
	satellite.imports(central.export(satellite.pem(), map[string]any{"explicit_num_uses": 2}))
	wantEqual(t, "after a new export", satellite.usesLeft(), "2 times (0% used)")
	satellite.imports(block)
	wantEqual(t, "after the first again", satellite.usesLeft(), "1 times (50% used)")
}

func TestAnImportWithoutCredentialsIsTold(t *testing.T) {
	central, satellite := newDemo(t), newSatellite(t, 0)
	central.writeRole("demo", map[string]any{"api_key": ""})
	resp := satellite.imports(central.export(satellite.pem(), nil))
	if resp == nil || len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "capable of neither API") {
		t.Errorf("got %v", resp)
	}
}

func TestPullModeNeedsARole(t *testing.T) {
	e := newDemo(t)
	block := e.export(e.pem(), nil)
	for path, op := range map[string]logical.Operation{
		"pem": logical.ReadOperation, "export": logical.UpdateOperation, "import": logical.UpdateOperation,
	} {
		var data map[string]any
		if op == logical.UpdateOperation {
			data = map[string]any{"pem": block}
		}
		resp, err := e.ask(op, "roles/nosuch/"+path, data)
		if !errors.Is(err, logical.ErrUnsupportedPath) {
			t.Errorf("%s: want what Vault makes a 404 of, got %v", path, err)
		}
		wantEqual(t, path, resp.Error().Error(), `role "nosuch" does not exist; write roles/nosuch first`)
	}
}

func TestAnImportReplacesTheRoleAndItsToken(t *testing.T) {
	central, satellite := newDemo(t), newSatellite(t, 0)
	satellite.writeRole("demo", map[string]any{"area_id": "a", "api_key": "k", "secret": "s", "username": "u", "password": "p"})
	satellite.read("roles/demo/token", nil)
	satellite.imports(central.export(satellite.pem(), nil))
	satellite.read("roles/demo/token", nil)
	wantEqual(t, "tokens bought", len(satellite.mashery.tokenRequests()), 2)
}

func TestWrongExportsAreRefusedInWords(t *testing.T) {
	central, satellite := newDemo(t), newSatellite(t, 0)
	to := satellite.pem()
	for name, c := range map[string]struct {
		own, data map[string]any
		want      string
	}{
		"no recipient":       {nil, nil, "pem: there is no whole PEM block in it; give what the recipient's roles/:role/pem gave"},
		"another block":      {nil, map[string]any{"pem": central.export(to, nil)}, "pem: it holds a MASHERY ROLE DATA, not a MASHERY ROLE RECIPIENT; give what the recipient's roles/:role/pem gave"},
		"a broken one":       {nil, map[string]any{"pem": string(pem.EncodeToMemory(&pem.Block{Type: recipientBlock, Bytes: []byte("x")}))}, "pem: the recipient's certificate cannot be read; it was damaged or tampered with"},
		"one tampered with":  {nil, map[string]any{"pem": flipped(to)}, "pem: the recipient's certificate is not signed by its own key; it was damaged or tampered with"},
		"both APIs only":     {nil, map[string]any{"pem": to, "v2_only": true, "v3_only": true}, `role "demo": v2_only and v3_only exclude each other; give one, or none for both APIs`},
		"a term past":        {nil, map[string]any{"pem": to, "explicit_term": "2020-01-01"}, `role "demo": explicit_term "2020-01-01" has already passed`},
		"uses below none":    {nil, map[string]any{"pem": to, "explicit_num_uses": -1}, `role "demo": explicit_num_uses and explicit_qps must not be negative`},
		"more uses than own": {map[string]any{"explicit_num_uses": 2}, map[string]any{"pem": to, "explicit_num_uses": 3}, `role "demo": explicit_num_uses is more than the 2 the role has left`},
		"more calls":         {map[string]any{"qps": 2}, map[string]any{"pem": to, "explicit_qps": 3}, `role "demo": explicit_qps is more than the role's own, 2`},
		"not exportable":     {map[string]any{"exportable": false}, map[string]any{"pem": to}, "this role is not exportable; to allow it write exportable=true to roles/demo"},
		"an unknown field":   {nil, map[string]any{"pem": to, "term": "1d"}, `there is no field "term" here; the fields are explicit_num_uses, explicit_qps, explicit_term, exportable, force_proxy_mode, pem, role, v2_only, v3_only`},
		"too much":           {map[string]any{"password": randomText(500)}, map[string]any{"pem": to}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.writeRole("demo", c.own)
			if c.want != "" {
				e.refused(logical.UpdateOperation, "roles/demo/export", c.data, c.want)
				return
			}
			resp, err := e.ask(logical.UpdateOperation, "roles/demo/export", c.data)
			if err != nil || !resp.IsError() || !strings.Contains(resp.Error().Error(), "the credentials are too long for a block") {
				t.Errorf("got %v %v", resp, err)
			}
		})
	}
}

// randomText does not compress.
func randomText(n int) string {
	var text strings.Builder
	for text.Len() < n {
		text.WriteString(rand.Text())
	}
	return text.String()
}

// flipped is a block of which the last byte of the data is another.
func flipped(text string) string {
	block, _ := pem.Decode([]byte(text))
	block.Bytes[len(block.Bytes)-1] ^= 1
	return string(pem.EncodeToMemory(block))
}

func TestARecipientIsGoodForFourHours(t *testing.T) {
	central, satellite := newDemo(t), newSatellite(t, 0)
	to := satellite.pem()
	central.clock.time = satellite.clock.now().Add(-recipientSkew)
	central.export(to, nil)
	central.clock.time = satellite.clock.now().Add(4 * time.Hour)
	central.export(to, nil)
	end := central.clock.now().UTC().Format(time.RFC3339)
	central.clock.move(time.Second)
	central.refused(logical.UpdateOperation, "roles/demo/export", map[string]any{"pem": to},
		"pem: the recipient's certificate has expired at "+end+"; have roles/:role/pem read anew")
	central.clock.time = satellite.clock.now().Add(-time.Hour)
	resp, _ := central.ask(logical.UpdateOperation, "roles/demo/export", map[string]any{"pem": to})
	if !resp.IsError() || !strings.Contains(resp.Error().Error(), "do the clocks of the two Vaults agree?") {
		t.Errorf("before its time: %v", resp)
	}
}

func TestWrongImportsAreRefusedInWordsAndChangeNothing(t *testing.T) {
	central, satellite, other := newDemo(t), newSatellite(t, 0), newSatellite(t, 1)
	good := central.export(satellite.pem(), map[string]any{"explicit_term": "1h", "explicit_num_uses": 5})
	end := central.clock.now().Add(time.Hour).UTC().Format(time.RFC3339)
	tampered := func(says, name, is string) string {
		return fmt.Sprintf(`the block was not imported to role "demo": its header says %q of %s, its data %q; it was tampered with`, says, name, is)
	}
	const garbled = "it cannot be decrypted: it was damaged or tampered with, made for another role or Vault, or with another oaep_label"
	for name, c := range map[string]struct {
		pem, want string
		prepare   func(*engine)
	}{
		"nothing":         {"", "pem: there is no whole PEM block in it; give what the other Vault's roles/:role/export gave", nil},
		"half a block":    {good[:len(good)/2], "pem: there is no whole PEM block in it; give what the other Vault's roles/:role/export gave", nil},
		"a huge text":     {strings.Repeat("x", blockMax+1), "pem: it is longer than 65536 bytes; give what the other Vault's roles/:role/export gave", nil},
		"the recipient":   {satellite.pem(), "pem: it holds a MASHERY ROLE RECIPIENT, not a MASHERY ROLE DATA; give what the other Vault's roles/:role/export gave", nil},
		"tampered data":   {flipped(good), `the block was not imported to role "demo": ` + garbled, nil},
		"another's block": {central.export(other.pem(), nil), `the block was not imported to role "demo": ` + garbled, nil},
		"another role's block": {strings.Replace(central.export(other.pem(), nil), "Recipient Role: demo", "Recipient Role: x", 1),
			`the block was not imported to role "demo" (it says it is for role "x"): ` + garbled, nil},
		"a tampered header": {strings.Replace(good, "max 5 uses", "max 500 uses", 1),
			`the block was not imported to role "demo": its header says "max 500 uses" of Uses, its data "max 5 uses"; it was tampered with`, nil},
		"a longer term":        {strings.Replace(good, "Term: 1h0m0s", "Term: 9999h0m0s", 1), tampered("9999h0m0s", "Term", end), nil},
		"a shorter term":       {strings.Replace(good, "Term: 1h0m0s", "Term: 10m0s", 1), tampered("10m0s", "Term", end), nil},
		"an endless term":      {strings.Replace(good, "Term: 1h0m0s", "Term: ∞", 1), tampered("∞", "Term", end), nil},
		"a term of no meaning": {strings.Replace(good, "Term: 1h0m0s", "Term: long", 1), tampered("long", "Term", end), nil},
		"a term that was none": {strings.Replace(central.export(satellite.pem(), nil), "Term: ∞", "Term: 1h0m0s", 1), tampered("1h0m0s", "Term", "∞"), nil},
		"no date":              {regexp.MustCompile(`(?m)^Date: .*\n`).ReplaceAllString(good, ""), tampered("1h0m0s", "Term", end), nil},
		"a date of no meaning": {regexp.MustCompile(`(?m)^Date: .*$`).ReplaceAllString(strings.Replace(good, "Term: 1h0m0s", "Term: 9999h0m0s", 1), "Date: x"), tampered("9999h0m0s", "Term", end), nil},
		"another date":         {strings.Replace(good, "Date: 20", "Date: 21", 1), tampered("1h0m0s", "Term", end), nil},
		"another role that it is for": {strings.Replace(good, "Recipient Role: demo", "Recipient Role: x", 1),
			`the block was not imported to role "demo" (it says it is for role "x"): its header says "x" of Recipient Role, its data "demo"; it was tampered with`, nil},
		"a documented block with a longer term": {documented(t, fmt.Sprintf(`{"d":{"nid":1,"key":"k","srt":"s"},"u":{"etm":%d}}`, central.clock.now().Add(time.Hour).Unix()),
			map[string]string{"Date": central.clock.now().String() + " m=+778.740213101", "Term": "2h0m0s"}), tampered("2h0m0s", "Term", end), nil},
		"a block that has expired": {good, `the block was not imported to role "demo": its term ended at ` + central.clock.now().Add(time.Hour).UTC().Format(time.RFC3339) + `; ask for a new export`,
			func(e *engine) { e.clock.move(2 * time.Hour) }},
		"another label": {good, `the block was not imported to role "demo": ` + garbled,
			func(e *engine) { e.must(logical.UpdateOperation, "config", map[string]any{"oaep_label": "a0:a1"}) }},
		"a role nothing was exported to": {good, `nothing was exported to role "demo" yet; read roles/demo/pem and have the export made for that`,
			func(e *engine) { _ = e.storage.Delete(e.Context(), keyPrefix+"demo") }},
	} {
		t.Run(name, func(t *testing.T) {
			e := newSatellite(t, 0)
			if c.prepare != nil {
				c.prepare(e)
			}
			e.refused(logical.UpdateOperation, "roles/demo/import", map[string]any{"pem": c.pem}, c.want)
			wantEqual(t, "v2_capable", e.read("roles/demo", nil)["v2_capable"], any(false))
		})
	}
}

func TestBothSidesMayAgreeOnAnotherLabel(t *testing.T) {
	for _, label := range []string{"a label", "a0:a1:a2:a3"} {
		central, satellite := newDemo(t), newSatellite(t, 0)
		for _, e := range []*engine{central, satellite} {
			e.must(logical.UpdateOperation, "config", map[string]any{"oaep_label": label})
		}
		satellite.imports(central.export(satellite.pem(), nil))
	}
	wantEqual(t, "a label in hex", string(config{OAEPLabel: "61:62:63"}.oaepLabel()), "abc")
	wantEqual(t, "the default", string(config{}.oaepLabel()), defaultOAEPLabel)
}

func TestAPEMIsMadeOnceForManyWhoAsk(t *testing.T) {
	e := newEngine(t)
	e.writeRole("demo", nil)
	keys := make([]string, 5)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			block, _ := pem.Decode([]byte(e.pem()))
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = certificate.PublicKey.(*rsa.PublicKey).N.String()
		})
	}
	all.Wait()
	for _, key := range keys {
		wantEqual(t, "key", key, keys[0])
	}
	e.must(logical.DeleteOperation, "roles/demo", nil)
	if kept, _ := e.storage.List(t.Context(), keyPrefix); len(kept) != 0 {
		t.Errorf("left behind: %v", kept)
	}
}

func TestACommonNameIsOneThatABlockCanBear(t *testing.T) {
	e, exporter := newSatellite(t, 0), newDemo(t)
	for name, cn := range map[string]string{
		"two lines": "a\nb", "a control character": "a\x00b", "a block's begin": "-----BEGIN X-----", "a block's end": "a -----END X-----",
		"too long": strings.Repeat("é", 65), "no text": "\xff",
	} {
		t.Run(name, func(t *testing.T) {
			e.refused(logical.ReadOperation, "roles/demo/pem", map[string]any{"cn": cn}, "cn must be one line of at most 64 characters, without -----")
		})
	}
	for name, cn := range map[string]string{
		"nothing": "", "a blank": " ", "colons": "a: b: c", "dashes": "--a----b", "a comma": "Doe, Jane", "as long as can be": strings.Repeat("é", 64), "quotes": `"a" \ +b=c;<d>`,
	} {
		t.Run(name, func(t *testing.T) {
			block := e.read("roles/demo/pem", map[string]any{"cn": cn})["pem"].(string)
			if _, err := parseRecipient(block, e.clock.now()); err != nil {
				t.Error(err)
			}
			e.imports(exporter.export(block, nil))
		})
	}
}

func TestARoleSurvivesSealingWithAllThatIsKeptOfIt(t *testing.T) {
	central, before := newDemo(t), newSatellite(t, 0)
	block := central.export(before.pem(), map[string]any{"explicit_num_uses": 5, "explicit_term": "10d", "exportable": true})
	before.imports(block)
	token := before.read("roles/demo/token", nil)["access_token"]
	role := before.read("roles/demo", nil)
	keyID := before.read("roles/demo/grant", map[string]any{"api": 2})["key_id"]

	after := newEngine(t) // another process on the same storage
	after.on(before.storage)
	after.clock.time = before.clock.now()
	role["use_remaining"] = "3 times (40% used)"
	wantEqual(t, "role", fmt.Sprint(after.read("roles/demo", nil)), fmt.Sprint(role))
	wantEqual(t, "token", after.read("roles/demo/token", nil)["access_token"], token)
	wantEqual(t, "key_id", after.read("roles/demo/grant", map[string]any{"api": 2})["key_id"], keyID)
	after.imports(block)
	wantEqual(t, "use_remaining", after.usesLeft(), "1 times (80% used)")
}
