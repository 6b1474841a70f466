// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestTheBlocksAreThoseThatAreDocumented(t *testing.T) {
	central, satellite := newDemo(t), newSatellite(t, 0)
	to := satellite.read("roles/demo/pem", map[string]any{"cn": "Site Admin"})["pem"].(string)
	asked, _ := pem.Decode([]byte(to))
	wantEqual(t, "recipient", asked.Type, "MASHERY ROLE RECIPIENT")
	end := satellite.clock.now().Add(4 * time.Hour).UTC().Format(time.RFC3339)
	wantEqual(t, "its headers", fmt.Sprint(asked.Headers), "map[Common-Name:Site Admin NotAfter:"+end+" Role:demo]")
	certificate, err := x509.ParseCertificate(asked.Bytes)
	if err != nil || certificate.PublicKey.(*rsa.PublicKey).N.BitLen() != 4096 || certificate.Subject.CommonName != "Site Admin" {
		t.Errorf("certificate: %v %v", certificate, err)
	}

	given, _ := pem.Decode([]byte(central.export(to, map[string]any{
		"explicit_term": "2w", "explicit_num_uses": 5000, "explicit_qps": 5, "v2_only": true, "force_proxy_mode": true,
	})))
	wantEqual(t, "data", given.Type, "MASHERY ROLE DATA")
	now := central.clock.now()
	for name, want := range map[string]string{
		"Date": now.UTC().Format(time.RFC3339), "Forced Proxy Mode": "true", "Max QPS": "5", "Origin Role": "demo",
		"Recipient": "CN=Site Admin,O=Mashery secrets engine", "Recipient Role": "demo", "Term": "336h0m0s",
		"Uses": "max 5000 uses", "V2 Capable": "true", "V3 Capable": "false",
	} {
		wantEqual(t, name, given.Headers[name], want)
	}
	packed, err := rsa.DecryptOAEP(sha256.New(), nil, testKeys[0](), given.Bytes, []byte("mashery-role"))
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(zip)
	want := fmt.Sprintf(`{"d":{"nid":42,"key":"planted-api-key","srt":"planted-secret","qps":5,"fpm":true,"_exp":false},"u":{"etm":%d,"enu":5000}}`, now.Add(14*24*time.Hour).Unix())
	wantEqual(t, "what it holds", string(text), want)
}

// documented makes a block as hcvault-mashery-api-auth does.
func documented(t testing.TB, content string, headers map[string]string) string {
	t.Helper()
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &testKeys[0]().PublicKey, packed(content), []byte("mashery-role"))
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "MASHERY ROLE DATA", Headers: headers, Bytes: sealed}))
}

func packed(content string) []byte {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, _ = io.WriteString(zip, content)
	_ = zip.Close()
	return packed.Bytes()
}

func TestADocumentedBlockIsImported(t *testing.T) {
	e := newSatellite(t, 0)
	etm := e.clock.now().Add(336 * time.Hour).Unix()
	e.imports(documented(t, fmt.Sprintf(`{"d":{"aid":"a-b-c-d","nid":123,"key":"key","srt":"Secret","usr":"user","pwd":"pwd","qps":65,"fpm":true,"_imp":false,"_exp":true},"u":{"etm":%d,"enu":5000}}`, etm),
		map[string]string{
			"Date": "2022-01-09 17:30:31.8104098 +0100 CET m=+778.740213101", "Forced Proxy Mode": "true", "Max QPS": "65",
			"Origin Role": "seed", "Recipient": "CN=Site Admin,O=Mashery API Authentication Backend", "Recipient Role": "demo",
			"Term": "1.7977s", "Uses": "max 5000 uses", "V2 Capable": "true", "V3 Capable": "true",
		}))
	got := e.read("roles/demo", nil)
	for field, want := range map[string]any{
		"v2_capable": true, "v3_capable": true, "qps": 65, "forced_proxy_mode": true, "exportable": true,
		"term": term(etm).String(), "use_remaining": "5000 times (0% used)",
	} {
		wantEqual(t, field, got[field], want)
	}
	e.imports(documented(t, `{"d":{"nid":1,"key":"k","srt":"s","_imp":false,"_exp":false},"u":{"etm":-1,"enu":-1}}`, nil))
	got = e.read("roles/demo", nil)
	wantEqual(t, "term", got["term"], any("∞"))
	wantEqual(t, "use_remaining", got["use_remaining"], any("∞"))
	wantEqual(t, "qps", got["qps"], any(2))
}

func TestNeitherBlockNorRefusalShowsACredential(t *testing.T) {
	central, satellite := newDemo(t), newSatellite(t, 0)
	block := central.export(satellite.pem(), nil)
	odd := documented(t, `{"d":{"nid":"planted-secret","key":"planted-api-key"}}`, nil)
	resp, err := satellite.ask(logical.UpdateOperation, "roles/demo/import", map[string]any{"pem": odd})
	if err != nil || !resp.IsError() || !strings.Contains(resp.Error().Error(), "what it holds is no role") {
		t.Errorf("got %v %v", resp, err)
	}
	for _, said := range []string{block, resp.Error().Error(), central.log.String(), satellite.log.String()} {
		if strings.Contains(said, "planted") {
			t.Errorf("shows a credential: %s", said)
		}
	}
	x := exchange{Role: exchangeRole{APIKey: seal("planted"), Secret: seal("planted"), Password: seal("planted")}}
	if printed := fmt.Sprintf("%v %+v %#v", x, x, x); strings.Contains(printed, "planted") {
		t.Errorf("prints %s", printed)
	}
}

// What is decrypted is not trusted either: whoever has a recipient can make a block.
func FuzzExchange(f *testing.F) {
	f.Add(packed(`{"d":{"aid":"a","nid":1,"key":"k","srt":"s","usr":"u","pwd":"p","qps":2,"_exp":true},"u":{"etm":1893456000,"enu":3}}`))
	f.Add(packed(`{"d":{"nid":-1,"qps":-1},"u":{"etm":9223372036854775807,"enu":-9223372036854775808}}`))
	f.Add(packed(`{"u":null}`))
	f.Add(packed(`null`))
	f.Add(packed(strings.Repeat("[", 20000)))
	f.Add([]byte{0x1f, 0x8b})
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, packed []byte) {
		x, err := readExchange(packed)
		if err != nil {
			return
		}
		r, err := x.role("demo", "id", now)
		if err != nil {
			return
		}
		if !r.Imported || r.QPS < 1 || r.AreaNID < 0 || r.Term.over(now) || r.Quota.Uses < 0 {
			t.Errorf("%+v", r)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
		_ = x.checkHeaders(map[string]string{"Term": "1h", "Date": "2026-11-22T00:00:00Z"}, "demo")
	})
}

func FuzzImportBlock(f *testing.F) {
	key := testKeys[0]()
	f.Add(documented(f, `{"d":{"nid":1,"key":"k","srt":"s"}}`, map[string]string{"Max QPS": "2"}))
	f.Add("-----BEGIN MASHERY ROLE DATA-----\n-----END MASHERY ROLE DATA-----\n")
	f.Add("-----BEGIN MASHERY ROLE DATA-----\nUses: ∞\n\nAAAA\n-----END MASHERY ROLE DATA-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		block, err := decodeBlock(text, dataBlock, "a block")
		if err != nil {
			return
		}
		x, err := openExchange(block.Bytes, key, []byte("mashery-role"))
		if err == nil && x == nil {
			t.Error("neither a role nor an error")
		}
		_ = refusedBlock("demo", block, fmt.Errorf("no"))
		_, _ = parseRecipient(text, time.Now())
	})
}
