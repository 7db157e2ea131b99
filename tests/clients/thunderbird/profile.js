// The profile of a Thunderbird that learns of new mail by IDLE only. @NAME@ is filled in.

// The account.
user_pref('mail.accountmanager.accounts', 'account1');
user_pref('mail.accountmanager.defaultaccount', 'account1');
user_pref('mail.account.account1.server', 'server1');
user_pref('mail.account.account1.identities', 'id1');
user_pref('mail.identity.id1.useremail', '@ADDRESS@');
user_pref('mail.identity.id1.fullName', 'Alice');
user_pref('mail.server.server1.type', 'imap');
user_pref('mail.server.server1.name', '@ADDRESS@');
user_pref('mail.server.server1.hostname', '@HOST@');
user_pref('mail.server.server1.port', @IMAPS@);
user_pref('mail.server.server1.userName', '@ADDRESS@');
user_pref('mail.server.server1.socketType', 3); // TLS
user_pref('mail.server.server1.authMethod', 3); // a password
user_pref('mail.identity.id1.smtpServer', 'smtp1');
user_pref('mail.smtpservers', 'smtp1');
user_pref('mail.smtpserver.smtp1.type', 'smtp');
user_pref('mail.smtpserver.smtp1.hostname', '@HOST@');
user_pref('mail.smtpserver.smtp1.port', @SUBMISSIONS@);
user_pref('mail.smtpserver.smtp1.username', '@ADDRESS@');
user_pref('mail.smtpserver.smtp1.try_ssl', 3);
user_pref('mail.smtpserver.smtp1.authMethod', 3);

// No polling: neither when it starts nor by the clock. IDLE stays.
user_pref('mail.server.server1.login_at_startup', false);
user_pref('mail.server.server1.check_new_mail', false);
user_pref('mail.server.server1.check_time', 1440);
user_pref('mail.server.server1.use_idle', true);
user_pref('mail.server.server1.autosync_offline_stores', false);

// Nothing leaves the machine: what is not on localhost meets a proxy that is not there.
user_pref('network.proxy.type', 1);
user_pref('network.proxy.http', '127.0.0.1');
user_pref('network.proxy.http_port', 9);
user_pref('network.proxy.ssl', '127.0.0.1');
user_pref('network.proxy.ssl_port', 9);
user_pref('app.update.auto', false);
user_pref('datareporting.policy.dataSubmissionEnabled', false);
user_pref('extensions.update.enabled', false);

// No windows but the main one.
user_pref('mail.provider.suppress_dialog_on_startup', true);
user_pref('mail.shell.checkDefaultClient', false);
user_pref('mail.spotlight.firstRunDone', true);
user_pref('mail.rights.version', 1);
user_pref('mail.biff.show_alert', false);
user_pref('mail.biff.play_sound', false);
user_pref('mailnews.start_page.enabled', false);
user_pref('mailnews.start_page_override.mstone', 'ignore');
user_pref('marionette.port', @MARIONETTE@);
