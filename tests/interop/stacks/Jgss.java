// SPDX-License-Identifier: GPL-3.0-or-later
// A Java program that says who it is to a web server, by JGSS and SPNEGO:
//   java -Djava.security.krb5.conf=FILE Jgss.java URL SERVICE ccache FILE
//   java -Djava.security.krb5.conf=FILE Jgss.java URL SERVICE keytab FILE PRINCIPAL
import java.net.HttpURLConnection;
import java.net.URI;
import java.security.PrivilegedExceptionAction;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import javax.security.auth.Subject;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.Configuration;
import javax.security.auth.login.LoginContext;
import org.ietf.jgss.GSSContext;
import org.ietf.jgss.GSSManager;
import org.ietf.jgss.Oid;

public class Jgss {
	static Configuration configuration(Map<String, String> options) {
		return new Configuration() {
			@Override
			public AppConfigurationEntry[] getAppConfigurationEntry(String name) {
				return new AppConfigurationEntry[] { new AppConfigurationEntry(
					"com.sun.security.auth.module.Krb5LoginModule",
					AppConfigurationEntry.LoginModuleControlFlag.REQUIRED, options) };
			}
		};
	}

	static Map<String, String> options(String[] args) {
		Map<String, String> o = new HashMap<>();
		o.put("doNotPrompt", "true");
		if (args[2].equals("ccache")) {
			o.put("useTicketCache", "true");
			o.put("ticketCache", args[3]);
		} else {
			o.put("useKeyTab", "true");
			o.put("keyTab", args[3]);
			o.put("principal", args[4]);
		}
		return o;
	}

	static byte[] token(String service) throws Exception {
		Oid spnego = new Oid("1.3.6.1.5.5.2"), name = new Oid("1.2.840.113554.1.2.2.1");
		GSSManager manager = GSSManager.getInstance();
		GSSContext context = manager.createContext(manager.createName(service, name), spnego, null,
			GSSContext.DEFAULT_LIFETIME);
		return context.initSecContext(new byte[0], 0, 0);
	}

	public static void main(String[] args) throws Exception {
		LoginContext login = new LoginContext("Jgss", null, null, configuration(options(args)));
		login.login();
		byte[] token = Subject.doAs(login.getSubject(),
			(PrivilegedExceptionAction<byte[]>) () -> token(args[1]));
		HttpURLConnection web = (HttpURLConnection) URI.create(args[0]).toURL().openConnection();
		web.setRequestProperty("Authorization",
			"Negotiate " + Base64.getEncoder().encodeToString(token));
		System.out.println(web.getResponseCode() + " " + web.getHeaderField("X-User"));
	}
}
