// SPDX-License-Identifier: MPL-2.0

package hcl1_test

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"

	"mashproxy/agentext/config/hcl1"
)

func Example() {
	// HCL 2's own parser takes neither the quoted key nor two arguments on one line.
	file, _ := hcl1.Parse("lamps.hcl", []byte(`lamp "hall" { "watts" = 5  warm = true }`))
	var house struct {
		Lamps []struct {
			Room  string `hcl:"room,label"`
			Watts int    `hcl:"watts"`
			Warm  bool   `hcl:"warm,optional"`
		} `hcl:"lamp,block"`
		Rest hcl.Body `hcl:",remain"`
	}
	diags := gohcl.DecodeBody(file.Body(), nil, &house)
	fmt.Println(house.Lamps, diags.HasErrors())
	// Output: [{hall 5 true}] false
}
