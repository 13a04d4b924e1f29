// SPDX-License-Identifier: GPL-3.0-or-later

// A Go program that says who it is to a web server, by gokrb5 and SPNEGO:
//
//	negotiate KRB5.CONF URL SERVICE ccache FILE
//	negotiate KRB5.CONF URL SERVICE keytab FILE USER REALM
package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/spnego"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func login(cf *config.Config, args []string) *client.Client {
	if args[0] == "ccache" {
		cache, err := credentials.LoadCCache(args[1])
		check(err)
		cl, err := client.NewFromCCache(cache, cf, client.DisablePAFXFAST(true))
		check(err)
		return cl
	}
	keys, err := keytab.Load(args[1])
	check(err)
	cl := client.NewWithKeytab(args[2], args[3], keys, cf, client.DisablePAFXFAST(true))
	check(cl.Login())
	return cl
}

func main() {
	cf, err := config.Load(os.Args[1])
	if cf == nil {
		check(err)
	}
	cl := login(cf, os.Args[4:])
	ask, err := http.NewRequest("GET", os.Args[2], nil)
	check(err)
	check(spnego.SetSPNEGOHeader(cl, ask, os.Args[3]))
	got, err := http.DefaultClient.Do(ask)
	check(err)
	fmt.Println(got.StatusCode, got.Header.Get("X-User"))
}
