// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"testing"
)

func TestDevLetsTheEmulatedMasheryFail(t *testing.T) {
	t.Parallel()
	p := develop(t, nil, "-fault=error,status=504,api=v3,count=1", "-fault=garbage,api=v2", "-mashery-admin-listen=127.0.0.1:0")
	door := openDoor(t, "tcp", p.told(t, `mashproxy +http://(\S+)`))
	door.get(t, v3+"services?limit=1").expect(t, http.StatusGatewayTimeout, "")
	door.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")

	admin := openDoor(t, "tcp", p.told(t, `(?m)^ +http://(\S+) +\(what it counted`))
	contains(t, "what it counted", admin.get(t, "/").expect(t, http.StatusOK, "").body,
		`"fault":1`, `"GET services":1`, `"fault":"garbage,api=v2"`)
	admin.send(t, http.MethodPost, "/faults", "over_quota,count=1").expect(t, http.StatusOK, "")
	answer := door.get(t, v3+"services?limit=1").expect(t, http.StatusForbidden, "")
	if code := answer.header.Get("X-Mashery-Error-Code"); code != "ERR_403_DEVELOPER_OVER_RATE" {
		t.Errorf("Mashery's error is %q", code)
	}
}

func TestDevRefusesAFaultThatIsNone(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"-fault=nonsense":        `there is no fault "nonsense"; there are dead_token, `,
		"-fault=over_qps,for=10": "for=10: not a duration such as 500ms, 10s or 5m",
	} {
		o := finish(t, nil, append([]string{"dev", arg}, anywhere...)...)
		if o.code != 1 || o.stdout != "" {
			t.Errorf("%s: exit code %d, stdout %q", arg, o.code, o.stdout)
		}
		contains(t, "the error", o.stderr, want)
	}
}

func TestDevServesTheEmulatedMasheryByTLS(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	o := finish(t, nil, append([]string{"dev", "-smoke", "-mashery-tls", "-qps=100", "-dir=" + dir}, anywhere...)...)
	if o.code != 0 {
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
	contains(t, "the banner", o.stdout, "Mashery      https://127.0.0.1:", "(emulated; curl --cacert '"+dir+"/mashery-ca.pem')")
	contains(t, "mashproxy.hcl", read(t, dir, "mashproxy.hcl"), `v3_endpoint = "https://`, `ca_cert = "`+dir+`/mashery-ca.pem"`)
}
