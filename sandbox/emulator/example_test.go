// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"mashproxy/mashery"
	"mashproxy/sandbox/emulator"
)

// A V2 call is signed with the credentials the emulator was given.
func Example() {
	creds := mashery.Credentials{
		AreaNID: 712,
		APIKey:  mashery.NewSecret("demo-key"),
		Secret:  mashery.NewSecret("demo-secret"),
	}
	emulated := emulator.New(emulator.Options{Credentials: creds, QPS: 10})
	server := httptest.NewServer(emulated)
	defer server.Close()

	query := url.Values{
		"apikey": {creds.APIKey.Reveal()},
		"sig":    {mashery.SignV2(creds.APIKey, creds.Secret, time.Now()).Reveal()},
	}
	resp, err := server.Client().Post(server.URL+"/v2/json-rpc/712?"+query.Encode(), "application/json",
		strings.NewReader(`{"method":"object.query","params":["SELECT username FROM members ITEMS 2"],"id":1}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(string(body))
	fmt.Println(emulated.Counts().Calls)
	// Output:
	// {"error":null,"id":1,"result":{"current_page":1,"items":[{"username":"amara.okafor"},{"username":"li.na"}],"items_per_page":2,"total_items":36,"total_pages":18}}
	// map[v2 object.query:1]
}
